"""Streams hold the answer that is billed, in pieces; usage is where each form has it."""

import http.client
import json

import pytest

from tests.support.http_client import post
from tests.support.provider.behaviour import Behaviour, Fault
from tests.support.provider.server import run_provider

CHAT, RESPONSES, MESSAGES = "/v1/chat/completions", "/v1/responses", "/v1/messages"
GENERATE = "/v1beta/models/m:streamGenerateContent"
HELLO = [{"role": "user", "content": "Hello!"}]
BODIES = {
    CHAT: {"model": "m", "messages": HELLO, "stream_options": {"include_usage": True}},
    RESPONSES: {"model": "m", "input": HELLO},
    MESSAGES: {"model": "m", "messages": HELLO, "max_tokens": 99},
    GENERATE: {"contents": [{"role": "user", "parts": [{"text": "Hello!"}]}]},
}
TEXT = "one two three four five six"


@pytest.fixture(scope="module")
def server():
    with run_provider() as provider:
        yield provider


@pytest.fixture
def provider(server):
    server.reset(Behaviour(text=TEXT, input_tokens=50, output_tokens=20))
    return server


def ask(provider, path, **changes):
    stream = {} if path == GENERATE else {"stream": True}
    return post(provider.url + path, BODIES[path] | stream | changes)


def read_events(text):
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def read_text(path, events):
    """Join the pieces of a text."""
    if path == CHAT:
        deltas = [choice["delta"] for each in events for choice in each["choices"]]
        return "".join(delta.get("content") or "" for delta in deltas)
    if path == RESPONSES:
        return "".join(each["delta"] for each in events if each["type"].endswith("text.delta"))
    if path == MESSAGES:
        deltas = [each["delta"] for each in events if each["type"] == "content_block_delta"]
        return "".join(delta["text"] for delta in deltas)
    return "".join(each["candidates"][0]["content"]["parts"][0]["text"] for each in events)


@pytest.mark.parametrize("path", BODIES)
def test_a_stream_holds_the_answer_in_pieces(provider, path):
    answer = ask(provider, path)
    events = read_events(answer.text)
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert read_text(path, events) == TEXT
    assert len(events) > 4
    (call,) = provider.bill().delivered
    assert (call.input_tokens, call.output_tokens) == (50, 20)


def test_usage_is_where_each_form_has_it(provider):
    chat, responses, messages, generate = (read_events(ask(provider, each).text) for each in BODIES)
    assert chat[-1]["choices"] == []
    assert chat[-1]["usage"]["completion_tokens"] == 20
    assert responses[-1]["type"] == "response.completed"
    assert responses[-1]["response"]["usage"]["output_tokens"] == 20
    assert messages[0]["message"]["usage"]["input_tokens"] == 50
    assert messages[-2]["usage"] == {"output_tokens": 20}
    assert [each["usageMetadata"]["promptTokenCount"] for each in generate] == [50] * len(generate)
    assert generate[-1]["usageMetadata"]["candidatesTokenCount"] == 20


def test_a_chat_that_asks_for_no_usage_gets_none(provider):
    answer = ask(provider, CHAT, stream_options=None)
    assert all("usage" not in each for each in read_events(answer.text))
    assert answer.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("path", BODIES)
def test_a_stream_that_is_cut_is_billed_and_not_delivered(provider, path):
    provider.reset(Behaviour(text=TEXT, faults=(Fault("cut_stream", calls=(1,)),)))
    with pytest.raises(http.client.IncompleteRead):
        ask(provider, path)
    assert len(provider.bill().billed) == 1
    assert not provider.bill().delivered


@pytest.mark.parametrize("path", BODIES)
def test_a_stream_may_have_no_usage(provider, path):
    provider.reset(Behaviour(text=TEXT, faults=(Fault("no_usage", calls=(1,)),)))
    answer = ask(provider, path)
    assert read_text(path, read_events(answer.text)) == TEXT
    assert "okens" not in answer.text.replace("max_output_tokens", "")
