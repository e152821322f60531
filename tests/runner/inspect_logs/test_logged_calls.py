"""A log's calls are recorded as they were asked and billed; what says nothing is named."""

from __future__ import annotations

import json
import sys

import pytest

from providers.registry import builtin_providers
from runner.errors import BadImport
from runner.inspect_logs import read_inspect_log, record_logged_calls


def event(model="openai/gpt-4o", tokens=7, **fields):
    usage = {"usage": {"input_tokens": 9, "output_tokens": tokens}} if tokens is not None else {}
    asked = [{"role": "user", "content": "Hi"}]
    told = {"event": "model", "model": model, "input": asked, "tools": [], "config": {}}
    return told | {"output": usage} | fields


def log_of(*events, **sample):
    one = {"id": 1, "epoch": 1, "events": [{"event": "state"}, *events]} | sample
    return {"status": "success", "eval": {"model": "openai/gpt-4o"}, "samples": [one]}


def record(log):
    return record_logged_calls(log, builtin_providers())


def body(call):
    return json.loads(call.body)


def test_a_call_has_its_messages_limit_and_billed_length():
    (call,) = record(log_of(event(config={"max_tokens": 50, "num_choices": 2}))).calls
    assert (call.provider, call.model, call.answer_tokens) == ("openai", "gpt-4o", 7)
    assert call.is_measured
    assert body(call) == {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "Hi"}],
        "max_tokens": 50,
        "n": 2,
    }
    assert call.read().limit == 50


def test_texts_that_a_log_keeps_apart_are_put_in():
    asked = [{"role": "user", "content": [{"type": "text", "text": "attachment://a"}]}]
    (call,) = record(log_of(event(input=asked), attachments={"a": "A long text"})).calls
    assert body(call)["messages"][0]["content"] == "A long text"


def test_messages_of_a_pool_are_found_by_their_ranges():
    pool = [{"role": "user", "content": f"{n}"} for n in range(4)]
    told = event(input=[], input_refs=[[0, 1], [2, 4]])
    (call,) = record(log_of(told, events_data={"messages": pool, "calls": []})).calls
    assert [each["content"] for each in body(call)["messages"]] == ["0", "2", "3"]


def test_tools_their_calls_and_answers_are_in_a_form_that_can_be_counted():
    asked = [
        {"role": "user", "content": "Add"},
        {
            "role": "assistant",
            "content": [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "so"}],
            "tool_calls": [{"id": "1", "function": "add", "arguments": {"x": 1}}],
        },
        {"role": "tool", "content": "2", "tool_call_id": "1"},
    ]
    tools = [{"name": "add", "description": "Adds.", "parameters": {"type": "object"}}]
    (call,) = record(log_of(event(input=asked, tools=tools))).calls
    written = body(call)
    assert written["tools"][0]["function"] == tools[0]
    assert written["messages"][1]["content"] == "so"
    assert written["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"x": 1}'
    assert written["messages"][2]["tool_call_id"] == "1"
    assert not call.read().is_exact


def test_what_says_nothing_of_a_cost_is_left_out_and_named():
    image = [{"role": "user", "content": [{"type": "image", "image": "x"}]}]
    recording = record(
        log_of(
            event(),
            event(error="Boom\nat line 1"),
            event(cache="read"),
            event(model="mockllm/model"),
            event(model="nowhere/model"),
            event(tokens=None),
            event(input=image),
        )
    )
    assert len(recording.calls) == 1
    assert {each.partition(": ")[2] for each in recording.problems} == {
        "Boom",
        "they were answered from Inspect's cache",
        "mockllm runs on this machine",
        "nowhere is no provider that is known",
        "what they were billed is not in the log",
        "a message holds image, whose tokens are not known",
    }


def test_without_events_a_sample_of_one_turn_says_what_it_was():
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    output = {"usage": {"output_tokens": 3}}
    (call,) = record(log_of(messages=said, output=output) | {}).calls
    assert (body(call)["messages"], call.answer_tokens) == ([said[0]], 3)
    with pytest.raises(BadImport, match="its turns are not in the log"):
        record(log_of(messages=said * 2, output=output))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "is no JSON"),
        ("{}", "is no log of Inspect"),
        ('{"eval": {}, "status": "success"}', "holds no samples"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path, text, said):
    (tmp_path / "log.json").write_text(text)
    with pytest.raises(BadImport, match=said):
        read_inspect_log(tmp_path / "log.json", sys.executable)


def test_an_eval_log_needs_inspect_and_says_so(tmp_path):
    (tmp_path / "log.eval").write_bytes(b"PK\x03\x04")
    with pytest.raises(BadImport, match="--python /no/such/python"):
        read_inspect_log(tmp_path / "log.eval", "/no/such/python")


LOG = log_of(event())
NESTED = json.loads("[" * 900 + "]" * 900)
DAMAGED = {
    "a sample that is none": LOG | {"samples": [None]},
    "a sample that is a text": LOG | {"samples": ["one"]},
    "events that are a text": log_of(events="many"),
    "an event that is none": log_of(events=[None]),
    "an input that is a text": log_of(event(input="hello")),
    "messages that are texts": log_of(event(input=["hello"])),
    "content of another type": log_of(event(input=[{"role": "user", "content": 7}])),
    "a setting that is a list": log_of(event(config=[1])),
    "a limit that is a word": log_of(event(config={"max_tokens": "many"})),
    "a limit below nothing": log_of(event(config={"max_tokens": -5})),
    "choices without end": log_of(event(config={"num_choices": 10**9})),
    "an output that is a text": log_of(event(output="said")),
    "usage that is a list": log_of(event(output={"usage": [1]})),
    "ranges that are a number": log_of(event(input_refs=5)),
    "ranges of texts": log_of(event(input_refs=[["a", 1]])),
    "fewer tokens than none": log_of(event(tokens=-5)),
    "tokens that are true": log_of(event(tokens=True)),
    "tokens without end": log_of(event(tokens=10**30)),
    "a text that is no unicode": log_of(event(input=[{"role": "user", "content": "\ud800"}])),
    "lists within lists": log_of(event(tools=[{"name": "t", "parameters": {"a": NESTED}}])),
}


@pytest.mark.parametrize("why", DAMAGED)
def test_a_damaged_log_is_refused_with_the_sample(why):
    with pytest.raises(BadImport, match="sample 1 of the log is damaged"):
        record(DAMAGED[why])


def test_a_call_that_failed_without_a_reason_is_left_out():
    log = log_of(event(error="\n"), event())
    assert len(record(log).calls) == 1
    assert record(log).problems == ("1 calls are left out: they failed",)
