"""Official clients of OpenAI and Anthropic, asking a llama.cpp server: plain, streaming, async."""

import asyncio
import json
import sys

import anthropic
import openai

NAME = {"model": "llama-3.1-tiny"}
USAGE = {"stream_options": {"include_usage": True}}


def chat(number):
    return NAME | {"messages": say(number), "max_completion_tokens": 40}


def message(number):
    return NAME | {"messages": say(number), "max_tokens": 40}


def say(number):
    return [{"role": "user", "content": f"Tell me something about the number {number}."}]


def ask_openai():
    with openai.OpenAI() as client:
        answers = client.chat.completions
        yield answers.create(**chat(1)).usage.completion_tokens
        yield len([each for each in answers.create(**chat(2), stream=True) if each.choices])
        yield list(answers.create(**chat(3), **USAGE, stream=True))[-1].usage.completion_tokens
        asked = NAME | {"input": "And the number 4?", "max_output_tokens": 40}
        yield client.responses.create(**asked).usage.output_tokens
        # Not `responses.stream`, which llama.cpp's events do not have all fields for.
        yield list(client.responses.create(**asked, stream=True))[-1].response.usage.output_tokens


def ask_anthropic():
    with anthropic.Anthropic() as client:
        yield client.messages.create(**message(5)).usage.output_tokens
        with client.messages.stream(**message(6)) as stream:
            yield stream.get_final_message().usage.output_tokens


async def ask_async():
    async with openai.AsyncOpenAI() as one, anthropic.AsyncAnthropic() as other:
        asked = [one.chat.completions.create(**chat(number)) for number in range(10, 14)]
        asked += [other.messages.create(**message(number)) for number in range(14, 18)]
        answers = await asyncio.gather(*asked)
        async with other.messages.stream(**message(18)) as stream:
            answers.append(await stream.get_final_message())
    return [getattr(each.usage, "output_tokens", None) or each.usage.completion_tokens
            for each in answers]  # fmt: skip


with open(sys.argv[1], "w") as told:
    json.dump([*ask_openai(), *ask_anthropic(), *asyncio.run(ask_async())], told)
