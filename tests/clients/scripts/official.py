"""The official clients of OpenAI, Anthropic and Google: plain, streaming, and async."""

import asyncio
import json
import sys

import anthropic
import openai
from google import genai

HELLO = [{"role": "user", "content": "Hello!"}]
CHAT = {"model": "gpt-4o-mini", "messages": HELLO, "max_completion_tokens": 64}
RESPONSE = {"model": "gpt-4o-mini", "input": "Hello!", "max_output_tokens": 64}
MESSAGE = {"model": "claude-haiku-4-5", "messages": HELLO, "max_tokens": 64}
GENERATE = {"model": "gemini-2.5-flash", "contents": "Hello!"}
USAGE = {"stream_options": {"include_usage": True}}


def join_chunks(chunks):
    return "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)


def ask_openai():
    with openai.OpenAI() as client:
        yield "chat", client.chat.completions.create(**CHAT).choices[0].message.content
        yield "chat, streamed", join_chunks(client.chat.completions.create(**CHAT, stream=True))
        chunks = list(client.chat.completions.create(**CHAT, **USAGE, stream=True))
        yield "chat, streamed with usage", join_chunks(chunks)
        assert chunks[-1].usage.completion_tokens > 0
        yield "response", client.responses.create(**RESPONSE).output_text
        with client.responses.stream(**RESPONSE) as stream:
            yield "response, streamed", stream.get_final_response().output_text


def ask_anthropic():
    with anthropic.Anthropic() as client:
        yield "message", client.messages.create(**MESSAGE).content[0].text
        with client.messages.stream(**MESSAGE) as stream:
            text = "".join(stream.text_stream)
            assert stream.get_final_message().usage.output_tokens > 1
        yield "message, streamed", text


def ask_google():
    with genai.Client() as client:
        yield "generate", client.models.generate_content(**GENERATE).text
        chunks = client.models.generate_content_stream(**GENERATE)
        yield "generate, streamed", "".join(each.text or "" for each in chunks)


async def ask_async():
    async with openai.AsyncOpenAI() as client:
        answers = [client.chat.completions.create(**CHAT) for _ in range(5)]
        for each in await asyncio.gather(*answers):
            yield "chat, async", each.choices[0].message.content
        stream = await client.chat.completions.create(**CHAT, stream=True)
        yield "chat, async and streamed", join_chunks([each async for each in stream])
    async with anthropic.AsyncAnthropic() as client:
        yield "message, async", (await client.messages.create(**MESSAGE)).content[0].text
        async with client.messages.stream(**MESSAGE) as stream:
            yield "message, async and streamed", await stream.get_final_text()
    async with genai.Client().aio as client:
        yield "generate, async", (await client.models.generate_content(**GENERATE)).text
        chunks = await client.models.generate_content_stream(**GENERATE)
        yield "generate, async and streamed", "".join([each.text or "" async for each in chunks])


async def collect():
    return [each async for each in ask_async()]


found = [*ask_openai(), *ask_anthropic(), *ask_google(), *asyncio.run(collect())]
with open(sys.argv[1], "w") as told:
    json.dump(found, told)
