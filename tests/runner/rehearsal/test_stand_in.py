"""The stand-in answers each API in its own form, whole and streamed, and records every call."""

from __future__ import annotations

import asyncio
import json

import pytest

from providers.clients import ClientApi, StreamAssembler, read_call
from runner.rehearsal.replies import Replies, Reply
from tests.runner.rehearsal.opened import open_stand_in

SCHEMA = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}
HELLO = [{"role": "user", "content": "Hello!"}]
CHAT = {"model": "gpt-4o-mini", "messages": HELLO, "max_completion_tokens": 64}
RESPONSE = {"model": "gpt-4o-mini", "input": "Hello!", "max_output_tokens": 64}
MESSAGE = {"model": "claude-haiku-4-5", "messages": HELLO, "max_tokens": 64}
GENERATE = {
    "contents": [{"role": "user", "parts": [{"text": "Hello!"}]}],
    "generationConfig": {"maxOutputTokens": 64},
}
GEMINI = "google/v1beta/models/gemini-2.5-flash"
TOOLS = {
    ClientApi.CHAT: {
        "tools": [{"type": "function", "function": {"name": "use", "parameters": SCHEMA}}],
        "tool_choice": "required",
    },
    ClientApi.RESPONSES: {
        "tools": [{"type": "function", "name": "use", "parameters": SCHEMA}],
        "tool_choice": {"type": "function", "name": "use"},
    },
    ClientApi.MESSAGES: {
        "tools": [{"name": "use", "input_schema": SCHEMA}],
        "tool_choice": {"type": "any"},
    },
    ClientApi.GENERATE: {
        "tools": [{"functionDeclarations": [{"name": "use", "parameters": SCHEMA}]}],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    },
}
APIS = {
    ClientApi.CHAT: ("openai/v1/chat/completions", CHAT),
    ClientApi.RESPONSES: ("openai/v1/responses", RESPONSE),
    ClientApi.MESSAGES: ("anthropic/v1/messages", MESSAGE),
    ClientApi.GENERATE: (f"{GEMINI}:generateContent", GENERATE),
}


def assemble(api, body, stream):
    """Put a stream together as the gateway does."""
    wants_usage = {"stream_options": {"include_usage": True}} if api is ClientApi.CHAT else {}
    sent = json.dumps(body | wants_usage).encode()
    reader = StreamAssembler(read_call(api, sent, model="gemini-2.5-flash", streamed=True))
    reader.feed(stream)
    return reader.finish()


LEFT = ("created", "created_at", "object", "responseId", "id", "call_id", "index")


def plain(answer):
    """Return an answer without what is null, and what differs between two of the same."""
    if isinstance(answer, dict):
        kept = {name: plain(each) for name, each in answer.items() if name not in LEFT}
        return {name: each for name, each in kept.items() if each is not None}
    if isinstance(answer, list):  # the pieces of Google's texts are one text
        texts = "".join(
            each["text"] for each in answer if isinstance(each, dict) and "text" in each
        )
        others = [plain(each) for each in answer if not (isinstance(each, dict) and "text" in each)]
        return others + ([texts] if texts else [])
    return answer


@pytest.mark.parametrize("with_tool", [False, True])
@pytest.mark.parametrize("api", APIS)
def test_a_stream_holds_the_same_answer_as_a_whole_one(api, with_tool):
    path, body = APIS[api]
    body = body | (TOOLS[api] if with_tool else {})
    streamed = path.replace(":generateContent", ":streamGenerateContent?alt=sse")
    asked = body if api is ClientApi.GENERATE else body | {"stream": True}
    if api is ClientApi.CHAT:
        asked |= {"stream_options": {"include_usage": True}}
    reply = Replies((Reply('{"x": "an answer of some words"}'),))

    async def ask():
        async with open_stand_in(replies=reply) as opened:
            whole = await opened.post(path, body)
            events = await opened.post(streamed, asked)
            return whole, events, opened.stand_in.calls

    (status, whole), (streamed_status, events), calls = asyncio.run(ask())
    assert (status, streamed_status) == (200, 200), (whole, events)
    assert [call.streamed for call in calls] == [False, True]
    found = assemble(api, asked, events)
    assert found is not None, events
    assert plain(found) == plain(json.loads(whole))
    assert calls[0].answer_tokens == calls[1].answer_tokens > 0
    assert calls[0].read().messages[-1].content == "Hello!"


def test_calls_are_recorded_word_for_word_in_their_order():
    async def ask():
        async with open_stand_in() as opened:
            for number in range(3):
                said = CHAT | {"messages": [{"role": "user", "content": f"é {number}"}], "n": 2}
                _, body = await opened.post("openai/chat/completions", said, **{
                    "x-afcost-label": f"part-{number}",
                    "Authorization": "Bearer sk-real",
                })  # fmt: skip
                answers.append(json.loads(body))
            return opened.stand_in.calls

    answers = []
    calls = asyncio.run(ask())
    assert [call.label for call in calls] == ["part-0", "part-1", "part-2"]
    assert [json.loads(call.body)["messages"][0]["content"] for call in calls] == [
        "é 0",
        "é 1",
        "é 2",
    ]
    assert not any(b"sk-real" in call.body or call.is_measured for call in calls)
    for call, answer in zip(calls, answers, strict=True):
        assert answer["usage"]["completion_tokens"] == call.answer_tokens == 80
        assert len({each["message"]["content"] for each in answer["choices"]}) == 2


def test_log_probabilities_are_told_where_they_are_asked_for():
    asked = CHAT | {"logprobs": True, "top_logprobs": 2}

    async def ask():
        async with open_stand_in() as opened:
            return json.loads((await opened.post("openai/v1/chat/completions", asked))[1])

    (choice,) = asyncio.run(ask())["choices"]
    rows = choice["logprobs"]["content"]
    assert "".join(row["token"] for row in rows) == choice["message"]["content"]
    assert rows[0]["top_logprobs"][0]["logprob"] < 0


def test_free_operations_are_answered_and_are_no_calls():
    async def ask():
        async with open_stand_in() as opened:
            names = ("openai/v1", "anthropic/v1", "google/v1beta")
            listed.extend([await opened.get(f"{name}/models") for name in names])
            counted = [
                await opened.post("anthropic/v1/messages/count_tokens", MESSAGE),
                await opened.post("openai/v1/responses/input_tokens", RESPONSE),
                await opened.post(f"{GEMINI}:countTokens", GENERATE),
                await opened.post(f"{GEMINI}:countTokens", {"generateContentRequest": GENERATE}),
            ]
            assert (await opened.get("openai/v1/models/gpt-4o-mini"))["id"] == "gpt-4o-mini"
            return counted, opened.stand_in.calls

    listed = []
    counted, calls = asyncio.run(ask())
    assert not calls
    assert {"gpt-4o-mini"} < {each["id"] for each in listed[0]["data"]}
    assert listed[1]["data"][0]["type"] == "model"
    assert listed[2]["models"][0]["name"].startswith("models/")
    assert [status for status, _ in counted] == [200] * 4
    counts = [json.loads(body) for _, body in counted]
    assert all({"input_tokens", "totalTokens"} & each.keys() for each in counts)
    assert all(max(v for v in each.values() if isinstance(v, int)) > 1 for each in counts)


def test_what_the_gate_refuses_is_refused_and_told_of():
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]

    async def ask():
        async with open_stand_in() as opened:
            found = [
                await opened.post("openai/v1/embeddings", {"model": "x", "input": "y"}),
                await opened.post("openai/v1/chat/completions", CHAT | {"messages": image}),
                await opened.post("openai/v1/chat/completions", CHAT | {"model": "no-such-model"}),
                await opened.post("nowhere/v1/chat/completions", CHAT),
                await opened.post(
                    "openai/v1/chat/completions", CHAT, **{"x-afcost-label": "two words"}
                ),
            ]
            return found, opened.stand_in

    found, stand_in = asyncio.run(ask())
    assert [status for status, _ in found] == [400, 400, 400, 404, 400]
    assert all(b"afcost: " in body for _, body in found)
    assert not stand_in.calls
    assert len(stand_in.refused) == 5
    assert any("--price openai/no-such-model" in reason for reason in stand_in.refused)
