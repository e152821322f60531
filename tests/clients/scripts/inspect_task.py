"""Inspect, which reads an address for each provider, and the SDKs of two of them."""

import asyncio
import json
import sys

import groq
import together
from inspect_ai.model import GenerateConfig, get_model

MODELS = (
    "openai/gpt-4o-mini",
    "anthropic/claude-haiku-4-5",
    "google/gemini-2.5-flash",
    "groq/llama-3.1-8b-instant",
    "together/meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "openrouter/meta-llama/llama-3.1-8b-instruct",
    "fireworks/accounts/fireworks/models/llama-v3p1-8b-instruct",
    "openai-api/deepseek/deepseek-chat",
)
ASKED = {"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 64}


async def ask_all():
    for name in MODELS:
        async with get_model(name, config=GenerateConfig(max_tokens=64)) as model:
            yield [name, (await model.generate("Hello!")).completion]


async def collect():
    return [each async for each in ask_all()]


found = asyncio.run(collect())
llama = "llama-3.1-8b-instant"
answer = groq.Groq().chat.completions.create(model=llama, **ASKED)
found.append(["groq", answer.choices[0].message.content])
answer = together.Together().chat.completions.create(model=llama, **ASKED)
found.append(["together", answer.choices[0].message.content])
with open(sys.argv[1], "w") as told:
    json.dump(found, told)
