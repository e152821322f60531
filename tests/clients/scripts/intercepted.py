"""Clients whose addresses stand in the code of a program, and not in its environment."""

import asyncio
import json
import os
import subprocess
import sys
import urllib.request

for name in [*os.environ]:  # as of a program that was written without them
    if name.endswith(("_BASE_URL", "_API_BASE", "_API_URL")):
        del os.environ[name]

import anthropic
import openai
from google import genai

HELLO = [{"role": "user", "content": "Hello!"}]
CHAT = {"model": "gpt-4o-mini", "messages": HELLO, "max_completion_tokens": 64}
MESSAGE = {"model": "claude-haiku-4-5", "messages": HELLO, "max_tokens": 64}
GENERATE = {"model": "gemini-2.5-flash", "contents": "Hello!"}
URL = "https://api.openai.com/v1"
KEY = "sk-of-the-program"


def join_chunks(chunks):
    return "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)


def ask():
    with openai.OpenAI(base_url=URL, api_key=KEY) as client:
        yield "chat", client.chat.completions.create(**CHAT).choices[0].message.content
        yield "chat, streamed", join_chunks(client.chat.completions.create(**CHAT, stream=True))
    client = anthropic.Anthropic(base_url="https://api.anthropic.com", api_key=KEY)
    with client, client.messages.stream(**MESSAGE) as stream:
        yield "message, streamed", "".join(stream.text_stream)
    with genai.Client(api_key=KEY) as client:
        yield "generate", client.models.generate_content(**GENERATE).text


async def ask_async():
    async with openai.AsyncOpenAI(base_url=URL, api_key=KEY) as client:
        answers = [client.chat.completions.create(**CHAT) for _ in range(5)]
        for each in await asyncio.gather(*answers):
            yield "chat, async", each.choices[0].message.content
    async with genai.Client(api_key=KEY).aio as client:
        yield "generate, async", (await client.models.generate_content(**GENERATE)).text


async def collect():
    return [each async for each in ask_async()]


def ask_plainly():
    body, headers = json.dumps(CHAT), {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{URL}/chat/completions", body.encode(), headers)  # noqa: S310 - https
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        yield "urllib", json.load(answer)["choices"][0]["message"]["content"]
    command = ["curl", "-sS", f"{URL}/chat/completions", "-d", body]
    command += [word for each in headers.items() for word in ("-H", ": ".join(each))]
    done = subprocess.run(command, capture_output=True, check=True)
    yield "curl", json.loads(done.stdout)["choices"][0]["message"]["content"]


found = [*ask(), *asyncio.run(collect()), *ask_plainly()]
with open(sys.argv[1], "w") as told:
    json.dump(found, told)
