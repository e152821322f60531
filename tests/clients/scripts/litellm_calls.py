"""LiteLLM, whose way to each provider has a variable of its own."""

import asyncio
import json
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # or it asks the network for a price list
import litellm

MODELS = (
    "openai/gpt-4o-mini",
    "anthropic/claude-haiku-4-5",
    "gemini/gemini-2.5-flash",
    "openrouter/meta-llama/llama-3.1-8b-instruct",
    "groq/llama-3.1-8b-instant",
    "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "deepseek/deepseek-chat",
    "xai/grok-4",
    "fireworks_ai/accounts/fireworks/models/llama-v3p1-8b-instruct",
    "mistral/mistral-small-latest",
    "cerebras/llama3.1-8b",
    "deepinfra/meta-llama/Meta-Llama-3.1-8B-Instruct",
    "novita/meta-llama/llama-3.1-8b-instruct",
    "moonshot/kimi-k2",
)
ASKED = {"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 64}


async def ask_all(models):
    answers = [await litellm.acompletion(model, **ASKED) for model in models]
    return [
        [f"{model}, async", answer.choices[0].message.content]
        for model, answer in zip(models, answers, strict=True)
    ]


found = []
for model in MODELS:
    try:
        found.append([model, litellm.completion(model, **ASKED).choices[0].message.content])
        stream = litellm.completion(model, **ASKED, stream=True)
        text = "".join(each.choices[0].delta.content or "" for each in stream)
        found.append([f"{model}, streamed", text])
    except Exception as error:
        found.append([model, repr(error)])
found += asyncio.run(ask_all(MODELS[:3]))
with open(sys.argv[1], "w") as told:
    json.dump(found, told)
