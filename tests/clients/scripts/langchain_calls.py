"""LangChain's models of the three providers: plain, streaming, and async."""

import asyncio
import json
import sys

from langchain_anthropic import ChatAnthropic
from langchain_google_genai import ChatGoogleGenerativeAI
from langchain_openai import ChatOpenAI

MODELS = {
    "openai": ChatOpenAI(model="gpt-4o-mini", max_tokens=64),
    "openai, responses": ChatOpenAI(model="gpt-4o-mini", max_tokens=64, use_responses_api=True),
    "anthropic": ChatAnthropic(model="claude-haiku-4-5", max_tokens=64),
    "google": ChatGoogleGenerativeAI(model="gemini-2.5-flash", max_output_tokens=64),
}


async def ask_all():
    return [
        [f"{name}, async", (await model.ainvoke("Hello!")).text] for name, model in MODELS.items()
    ]


found = []
for name, model in MODELS.items():
    found.append([name, model.invoke("Hello!").text])
    found.append([f"{name}, streamed", "".join(each.text for each in model.stream("Hello!"))])
found += asyncio.run(ask_all())
with open(sys.argv[1], "w") as told:
    json.dump(found, told)
