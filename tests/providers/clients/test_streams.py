"""Streamed answers are passed on as they come, and put together as if they were not streamed."""

import copy
import json
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.apis import API_KINDS
from providers.clients import ClientApi, StreamAssembler, read_call
from providers.errors import MalformedResponse
from tests.providers.test_requests_and_replies import (
    ANTHROPIC,
    DEEPINFRA,
    GOOGLE,
    KNOWN,
    OPENAI,
    OPENROUTER,
    RESPONSES,
    list_places,
)
from tests.runner.sample_experiment import STEADY
from tests.support.provider.streamed import stream_body

APIS = {
    "openai": ClientApi.CHAT,
    "responses": ClientApi.RESPONSES,
    "anthropic": ClientApi.MESSAGES,
    "google": ClientApi.GENERATE,
}
BODIES = {
    ClientApi.CHAT: {"model": "m", "stream": True, "messages": []},
    ClientApi.RESPONSES: {"model": "m", "stream": True, "input": "x"},
    ClientApi.MESSAGES: {"model": "m", "stream": True, "messages": [], "max_tokens": 9},
    ClientApi.GENERATE: {"contents": []},
}
TOOL = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"a": 1}'}}
DEEPSEEK = DEEPINFRA | {
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "4", "reasoning_content": "2 and 2."},
            "finish_reason": "stop",
        }
    ]
}
TOOLS = DEEPINFRA | {
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [TOOL, TOOL | {"id": "call_2"}],
            },
            "finish_reason": "tool_calls",
        }
    ]
}
SEVERAL = OPENAI | {
    "choices": [
        {"index": each, "message": {"content": f"Answer {each}"}, "finish_reason": "stop"}
        for each in range(3)
    ]
}
CALLS = ANTHROPIC | {
    "content": [
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {"place": "Zürich"}},
    ],
    "stop_reason": "tool_use",
}
BLOCKED = {
    "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
    "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9},
    "modelVersion": "gemini-2.5-flash",
}
CALLING = GOOGLE | {
    "candidates": [
        {
            "content": {"parts": [{"functionCall": {"name": "find", "args": {"a": 1}}}]},
            "finishReason": "STOP",
            "index": 0,
        }
    ]
}
ANSWERS = [
    *(("openai", each) for each in (OPENAI, DEEPINFRA, DEEPSEEK, TOOLS, SEVERAL)),
    ("openrouter", OPENROUTER),
    ("responses", RESPONSES),
    ("responses", RESPONSES | {"status": "incomplete", "incomplete_details": {"reason": "x"}}),
    *(("anthropic", each) for each in (ANTHROPIC, CALLS)),
    *(("google", each) for each in (GOOGLE, BLOCKED, CALLING)),
]


def kind(provider):
    return KNOWN[provider].kind


def make_assembler(api, **limits):
    fields = limits.pop("fields", {})
    body = json.dumps(BODIES[api] | fields).encode()
    return StreamAssembler(read_call(api, body, model="m", streamed=True), **limits)


def assemble(api, stream, *cuts, **limits):
    """Return what came out of a stream that is cut at some places: the answer, and the bytes."""
    assembler = make_assembler(api, **limits)
    places = [0, *cuts, len(stream)]
    pieces = [stream[begin:end] for begin, end in pairwise(places)]
    passed = b"".join(map(assembler.feed, pieces)) + assembler.flush()
    return assembler.finish(), passed


def parse(provider, answer):
    exact = json.loads(json.dumps(answer, default=float), parse_float=Decimal)
    return API_KINDS[kind(provider)].parse_response(KNOWN[provider], exact)


@pytest.mark.parametrize(("provider", "answer"), ANSWERS)
def test_an_assembled_answer_reads_as_the_one_that_was_not_streamed(provider, answer):
    api = APIS[kind(provider)]
    got, _ = assemble(api, stream_body(kind(provider), answer))
    assert parse(provider, got) == parse(provider, answer)


@pytest.mark.parametrize(("provider", "answer"), ANSWERS)
def test_wherever_a_stream_is_cut_the_same_comes_out(provider, answer):
    api = APIS[kind(provider)]
    stream = b": OPENROUTER PROCESSING\n\n" + stream_body(kind(provider), answer)
    whole = assemble(api, stream)
    step = max(len(stream) // 97, 1)
    for cut in {*range(1, len(stream), step), *range(len(stream) - 20, len(stream))}:
        assert assemble(api, stream, cut) == whole, cut
    assert assemble(api, stream, *range(1, len(stream))) == whole
    windows = stream.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    assert assemble(api, windows, *range(1, len(windows)))[0] == whole[0]
    assert assemble(api, b"\xef\xbb\xbf" + stream.replace(b"\r\n", b"\r"))[0] == whole[0]


@pytest.mark.parametrize(("provider", "answer"), ANSWERS)
def test_an_answer_that_stops_before_its_end_is_none(provider, answer):
    api = APIS[kind(provider)]
    stream = stream_body(kind(provider), answer)
    events = stream.replace(b"\r\n", b"\n").split(b"\n\n")[:-1]
    whole, _ = assemble(api, stream)
    for count in range(len(events)):
        got, _ = assemble(api, b"\n\n".join(events[:count]) + b"\n\n")
        assert got in (None, whole)  # a chat completion may lack its [DONE]
    half = b"\n\n".join(events[: len(events) // 2])
    assert assemble(api, half)[0] is None


@pytest.mark.parametrize(("provider", "answer"), [each for each in ANSWERS if "google" in each[0]])
def test_a_list_that_google_streams_is_read_too(provider, answer):
    stream = stream_body("google", answer).replace(b"\r\n", b"\n")
    listed = b"[" + stream.replace(b"data: ", b"").replace(b"\n\n", b"\n,\r\n")
    listed = listed.rstrip(b"\r\n,") + b"]\n"
    got, passed = assemble(ClientApi.GENERATE, listed, 1, 7, 200)
    assert passed == listed
    assert parse(provider, got) == parse(provider, answer)
    assert assemble(ClientApi.GENERATE, listed[:-2])[0] is None


def test_a_chat_client_gets_the_usage_only_where_it_asked():
    stream = stream_body("openai", OPENAI)
    asked = {"stream_options": {"include_usage": True}}
    assert assemble(ClientApi.CHAT, stream, 90, fields=asked)[1] == stream
    got, passed = assemble(ClientApi.CHAT, stream)
    left = [each for each in stream.split(b"\n\n") if b'"choices": []' not in each]
    assert passed == b"\n\n".join(left)
    assert got["usage"]["prompt_tokens"] == 2006


@pytest.mark.parametrize(
    "chunk",
    [
        b'data: {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}\n\n',
        b'data: {"choices": [{"index": 0, "delta": {}}], "usage": {"prompt_tokens": 1}}\n\n',
        b": a comment\n\n",
        b"data: no JSON\n\n",
        b"event: of another kind\ndata: {}\n\n",
        b"\n\n",
    ],
)
def test_whatever_is_not_the_usage_alone_is_passed_on(chunk):
    assert assemble(ClientApi.CHAT, chunk)[1] == chunk


@pytest.mark.parametrize("api", ClientApi)
def test_all_other_clients_get_each_piece_at_once(api):
    fields = {"stream_options": {"include_usage": True}} if api is ClientApi.CHAT else {}
    assembler = make_assembler(api, fields=fields)
    for piece in (b"dat", b'a: {"a', b'": 1}', b"\n"):
        assert assembler.feed(piece) == piece
    assert assembler.flush() == b""


def test_an_event_in_several_data_lines_is_one():
    stream = b'data: {"choices": [{"delta": {"content":\ndata: "a"}, "finish_reason": "stop"}],\n'
    stream += b'data:"usage": {"prompt_tokens": 1, "completion_tokens": 1}}\nid: 5\nretry: 9\n\n'
    got, passed = assemble(ClientApi.CHAT, stream)
    assert got["choices"][0]["message"] == {"content": "a"}
    assert passed == stream


def test_a_last_event_without_its_empty_line_counts():
    stream = stream_body("openai", OPENAI).removesuffix(b"\n\n")
    assert assemble(ClientApi.CHAT, stream)[0] is not None
    usage_last = stream.removesuffix(b"\n\ndata: [DONE]")
    got, passed = assemble(ClientApi.CHAT, usage_last)
    assert got is not None
    assert b"prompt_tokens" not in passed


@pytest.mark.parametrize(
    ("api", "event", "message"),
    [
        (ClientApi.CHAT, {"error": {"message": "It broke.", "code": 502}}, "It broke."),
        (ClientApi.CHAT, {"object": "error", "message": "It broke.", "code": 400}, "It broke."),
        (ClientApi.CHAT, {"error": "It broke."}, None),
        (ClientApi.RESPONSES, {"type": "error", "message": "It broke."}, "It broke."),
        (ClientApi.MESSAGES, {"type": "error", "error": {"message": "Full."}}, "Full."),
        (ClientApi.GENERATE, {"error": {"code": 503, "message": "Full."}}, "Full."),
    ],
)
def test_an_error_in_a_stream_is_told_and_is_no_answer(api, event, message):
    assembler = make_assembler(api)
    assembler.feed(b"data: " + json.dumps(event).encode() + b"\n\n")
    assert assembler.finish() is None
    assert assembler.error.get("message") == message


def test_a_response_that_failed_after_it_was_billed_is_unreadable():
    failed = RESPONSES | {"status": "failed", "error": {"message": "It broke."}}
    assembler = make_assembler(ClientApi.RESPONSES)
    assembler.feed(stream_body("responses", failed))
    with pytest.raises(MalformedResponse, match="It broke"):
        parse("responses", assembler.finish())
    assert assembler.error == {"message": "It broke."}


def test_an_openrouter_answer_that_broke_off_is_unreadable():
    broken = {"error": {"message": "Upstream."}, "usage": OPENROUTER["usage"]}
    broken |= {"choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}]}
    got, _ = assemble(ClientApi.CHAT, b"data: " + json.dumps(broken).encode() + b"\n\n")
    with pytest.raises(MalformedResponse, match="Upstream"):
        parse("openrouter", got)


def test_items_that_were_done_are_the_output_where_the_last_event_has_none():
    stream = stream_body("responses", RESPONSES)
    *events, last = stream.strip().split(b"\n\n")
    name, data = last.split(b"\ndata: ")
    without = json.dumps(json.loads(data) | {"response": RESPONSES | {"output": []}}).encode()
    got, _ = assemble(ClientApi.RESPONSES, b"\n\n".join([*events, name + b"\ndata: " + without]))
    assert parse("responses", got) == parse("responses", RESPONSES)


def test_usage_in_every_chunk_counts_with_the_last():
    chunk = {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}
    told = [{"prompt_tokens": 5, "completion_tokens": each} for each in (1, 2)]
    chunks = [chunk | {"usage": each} for each in told]
    stream = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks)
    assert assemble(ClientApi.CHAT, stream)[0] is None  # it was cut short
    ended = chunk | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    got, _ = assemble(ClientApi.CHAT, stream + b"data: " + json.dumps(ended).encode() + b"\n\n")
    assert got["usage"] == told[1]


def test_groqs_usage_is_found():
    chunk = {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]}
    chunk |= {"x_groq": {"id": "req_1", "usage": {"prompt_tokens": 5, "completion_tokens": 1}}}
    got, _ = assemble(ClientApi.CHAT, b"data: " + json.dumps(chunk).encode() + b"\n\n")
    assert got["usage"] == chunk["x_groq"]["usage"]


def test_openrouters_pieces_of_reasoning_are_one_text():
    details = [
        {"type": "reasoning.text", "text": text, "index": 0, "format": "unknown"}
        for text in ("Two ", "and two.")
    ]
    chunks = [
        {"choices": [{"index": 0, "delta": {"reasoning_details": [each]}, "finish_reason": None}]}
        for each in details
    ]
    end = {"index": 0, "delta": {"content": "4"}, "finish_reason": "stop"}
    chunks.append({"choices": [end], "usage": OPENROUTER["usage"]})
    stream = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks)
    got, _ = assemble(ClientApi.CHAT, stream)
    assert got["choices"][0]["message"]["reasoning_details"] == [
        details[0] | {"text": "Two and two."}
    ]


def test_a_content_that_comes_in_parts_and_as_text_is_one():
    deltas = [
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]},
        {"content": "4"},
    ]
    choices = [{"index": 0, "delta": each, "finish_reason": "stop"} for each in deltas]
    chunks = [{"choices": [each], "usage": OPENAI["usage"]} for each in choices]
    stream = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks)
    reply = parse("mistral", assemble(ClientApi.CHAT, stream)[0])
    assert (reply.text, reply.reasoning) == ("4", "Hm.")


def test_a_tools_input_that_was_cut_off_is_counted_as_it_is():
    cut = CALLS | {"stop_reason": "max_tokens"}
    stream = stream_body("anthropic", cut).replace(b'rich\\"}', b"")
    stream = stream.replace(b'"partial_json": "ich\\"}"', b'"partial_json": ""')
    reply = parse("anthropic", assemble(ClientApi.MESSAGES, stream)[0])
    assert reply.other_texts[0].startswith('{"place')


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"output_tokens": 0}, (21, 0)),
        ({"input_tokens": 0, "output_tokens": 9}, (21, 9)),
        ({"input_tokens": 40, "output_tokens": 9}, (40, 9)),
        ({"input_tokens": None, "output_tokens": 9}, (21, 9)),
    ],
)
def test_of_anthropics_figures_the_last_output_and_the_larger_input_count(told, usage):
    start = {"type": "message_start", "message": ANTHROPIC | {"content": []}}
    end = {"type": "message_delta", "delta": {"stop_reason": "refusal"}, "usage": told}
    events = [start, end, {"type": "message_stop"}]
    stream = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in events)
    got = assemble(ClientApi.MESSAGES, stream)[0]["usage"]
    assert (got["input_tokens"], got["output_tokens"]) == usage


def test_text_beyond_the_limit_is_left_out_and_the_figures_are_not():
    long = copy.deepcopy(OPENAI)
    long["choices"][0]["message"]["content"] = "word " * 1000
    for limit in (10, 100):
        assembler = make_assembler(ClientApi.CHAT, max_chars=limit)
        stream = stream_body("openai", long)
        passed = b"".join(assembler.feed(stream[at : at + 64]) for at in range(0, len(stream), 64))
        got = assembler.finish()
        assert assembler.is_cut
        assert len(got["choices"][0]["message"]["content"]) <= limit
        assert got["usage"] == OPENAI["usage"]
        assert passed.count(b"word") == 1000


def test_an_event_that_is_too_long_is_passed_on_unread():
    long = b'data: {"choices": [{"delta": {"content": "' + b"a" * 5000 + b'"}}]}\n\n'
    stream = long + stream_body("openai", DEEPINFRA)
    got, passed = assemble(ClientApi.CHAT, stream, *range(0, len(stream), 100), max_event=1000)
    assert got["choices"][0]["message"]["content"] == " Hello!"
    assert passed.startswith(long)


@pytest.mark.parametrize("api", ClientApi)
@settings(STEADY, max_examples=30)
@given(data=st.data())
def test_no_stream_makes_it_raise(api, data):
    answers = {APIS[kind(name)]: (kind(name), body) for name, body in ANSWERS}
    stream = bytearray(stream_body(*answers[api]))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(stream)))
        stream[at : at + data.draw(st.integers(0, 30))] = data.draw(st.binary(max_size=8))
    got, _ = assemble(api, bytes(stream), data.draw(st.integers(0, len(stream))))
    assert got is None or isinstance(got, dict)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@pytest.mark.parametrize("api", ClientApi)
@settings(STEADY, max_examples=30)
@given(data=st.data())
def test_no_field_of_a_stream_makes_it_raise(api, data):
    answers = {APIS[kind(name)]: (kind(name), body) for name, body in ANSWERS}
    events = stream_body(*answers[api]).replace(b"\r\n", b"\n").split(b"\n\n")
    found = [json.loads(each.split(b"data: ")[1]) for each in events if b"data: {" in each]
    places = [(event, place) for event in found for place in list_places(event)]
    inside, (*outer, name) = data.draw(st.sampled_from(places))
    for each in outer:
        inside = inside[each]
    inside[name] = data.draw(JUNK)
    stream = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in found)
    got, _ = assemble(api, stream)
    assert got is None or isinstance(got, dict)


def test_deeply_nested_pieces_are_left_out():
    deep = b"[" * 900 + b"]" * 900
    stream = b'data: {"choices": [{"delta": {"a": ' + deep + b"}}]}\n\n"
    got, _ = assemble(ClientApi.CHAT, stream + stream_body("openai", OPENAI))
    assert parse("openai", got).text == parse("openai", OPENAI).text
