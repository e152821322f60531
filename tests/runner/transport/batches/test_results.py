"""A line of results is what a call's response would be; a bad one is told of and never raised."""

import json

import pytest

from pricing.usage import Usage
from providers.batches import LineEnd
from providers.failures import Billed
from runner.transport.batches import BadLine, LineResult
from runner.transport.outcome import Answered, NotBilled, Unknown
from tests.runner.transport.batches.scripted import CHUNK, KEY, do, find_request

ID = f"{CHUNK}-1"
COMPLETION = {
    "id": "chatcmpl-1",
    "model": "a-model",
    "choices": [{"message": {"content": f"Hi, {KEY}"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 20, "cost": 0.00012},
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "model": "a-model",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 9, "output_tokens": 20, "service_tier": "batch"},
}
GENERATED = {
    "candidates": [{"content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP"}],
    "usageMetadata": {
        "promptTokenCount": 9,
        "candidatesTokenCount": 15,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 29,
    },
}


@pytest.fixture(autouse=True)
def _a_key(monkeypatch):
    monkeypatch.setenv("MY_BATCH_KEY", KEY)


def read(name, tmp_path, *lines):
    path = tmp_path / "results"
    written = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in lines]
    path.write_bytes(b"\n".join(written) + b"\n")
    return do(
        "http://127.0.0.1:1/v1", name, lambda c, m: list(c.read_results(m, path, find_request))
    )


def read_one(name, tmp_path, line):
    [result] = read(name, tmp_path, line)
    assert isinstance(result, LineResult)
    assert result.custom_id == ID
    return result.outcome


def openai(status, body, **more):
    return {"custom_id": ID, "response": {"status_code": status, "body": body}, **more}


def anthropic(kind, **more):
    return {"custom_id": ID, "result": {"type": kind, **more}}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("openai", openai(200, COMPLETION, error=None)),
        ("openrouter", openai(200, COMPLETION, error=None)),
        ("mistral", openai(200, COMPLETION, error=None)),
        ("anthropic", anthropic("succeeded", message=MESSAGE)),
        ("google", {"key": ID, "response": GENERATED}),
    ],
)
def test_an_answer_is_billed_by_its_usage(tmp_path, name, line):
    outcome = read_one(name, tmp_path, line)
    assert isinstance(outcome, Answered)
    assert outcome.response.usage.output == 20
    assert outcome.response.usage.input == 9
    assert outcome.response.text.startswith("Hi")
    assert KEY not in outcome.response.text
    assert outcome.response.tier == ("batch" if name == "anthropic" else "")
    assert (outcome.response.stated_cost is not None) == (name == "openrouter")


def test_thoughts_are_billed_as_output(tmp_path):
    outcome = read_one("google", tmp_path, {"key": ID, "response": GENERATED})
    assert outcome.response.usage == Usage(9, 20, reasoning=5)


@pytest.mark.parametrize(
    ("name", "line", "end"),
    [
        ("openai", {"custom_id": ID, "error": {"code": "batch_expired"}}, LineEnd.EXPIRED),
        ("openai", {"custom_id": ID, "error": {"code": "batch_cancelled"}}, LineEnd.CANCELLED),
        ("anthropic", anthropic("expired"), LineEnd.EXPIRED),
        ("anthropic", anthropic("canceled"), LineEnd.CANCELLED),
        ("google", {"key": ID, "error": {"code": 1, "message": "stopped"}}, LineEnd.CANCELLED),
    ],
)
def test_a_line_that_was_not_done_says_so(tmp_path, name, line, end):
    assert read_one(name, tmp_path, line) is end


REFUSED = {"error": {"type": "invalid_request_error", "message": f"no {KEY}"}}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("openai", openai(400, REFUSED)),
        ("openai", openai(429, {"error": {"message": "slow down"}})),
        ("anthropic", anthropic("errored", error={"type": "error", **REFUSED})),
        ("anthropic", anthropic("errored", error=OVERLOADED)),  # it bills what succeeded, no other
        ("google", {"key": ID, "error": {"code": 3, "message": "bad", "status": "X"}}),
        ("google", {"key": ID, "status": {"code": 13, "message": "internal"}}),  # documented
    ],
)
def test_a_line_that_was_refused_is_not_billed(tmp_path, name, line):
    outcome = read_one(name, tmp_path, line)
    assert isinstance(outcome, NotBilled)
    assert outcome.failure.billed is Billed.NO
    assert KEY not in outcome.reason


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("openai", openai(500, {"error": {"message": "oh"}})),
        ("openai", openai(0, {})),
        ("openai", openai(200, {**COMPLETION, "usage": None})),
        ("openai", openai(200, {"error": {"message": "oh"}})),
        ("openai", {"custom_id": ID, "response": None, "error": None}),
        ("openai", {"custom_id": ID, "error": {"code": "server_error", "message": "oh"}}),
        ("openai", {"custom_id": ID, "error": "oh"}),
        ("openai", {"custom_id": ID, "response": "oh"}),
        ("openai", openai(200, {**COMPLETION, "padding": "x" * 2**21})),
        ("openai", openai(200, {**COMPLETION, "padding": [[]] * 30_000})),
        ("openai", openai(504, {"error": {"message": "oh"}, "usage": {"completion_tokens": 9}})),
        ("anthropic", anthropic("succeeded", message={**MESSAGE, "usage": None})),
        ("anthropic", anthropic("errored", error={"error": {"type": "api_error"}, **MESSAGE})),
        ("google", {"key": ID, "response": {"candidates": []}}),
        ("groq", openai(503, {"error": {"message": "oh"}})),
    ],
)
def test_a_line_that_may_be_billed_is_held(tmp_path, name, line):
    assert isinstance(read_one(name, tmp_path, line), Unknown)


def test_an_answer_counts_before_an_error_beside_it(tmp_path):
    outcome = read_one("openai", tmp_path, openai(200, COMPLETION, error={"code": "batch_expired"}))
    assert isinstance(outcome, Answered)


def test_bad_lines_are_told_of_and_the_others_are_read(tmp_path):
    good = openai(200, COMPLETION)
    lines = [b'{"custom_id": "', b"", good, b"[1]", b'{"x": 1}', good, {**good, "custom_id": "?"}]
    read_lines = read("openai", tmp_path, *lines)
    bad = [each for each in read_lines if isinstance(each, BadLine)]
    assert [each.number for each in bad] == [1, 4, 5, 7]
    assert "no custom id" in bad[2].problem
    assert (bad[3].custom_id, "no line of this batch" in bad[3].problem) == ("?", True)
    assert len(read_lines) - len(bad) == 2  # repeated ones come twice


@pytest.mark.parametrize("odd", ['"\\ud800"', "NaN"])
def test_what_json_allows_and_the_faster_library_does_not_is_read_too(tmp_path, odd):
    text = json.dumps(openai(200, {**COMPLETION, "odd": "here"})).replace('"here"', odd)
    outcome = read_one("openai", tmp_path, text.encode())
    assert isinstance(outcome, Answered)
    assert outcome.response.usage.output == 20


ODD = b'{"custom_id": "%s", ' % ID.encode()
UNREADABLE = [
    ("openai", ODD + b'"error": {"code": %s}}' % (b"1" * 5000)),
    ("google", ODD.replace(b"custom_id", b"key") + b'"error": {"code": %s}}' % (b"1" * 5000)),
    ("anthropic", ODD + b'"result": {"type": "errored", "error": %s}}' % (b"1" * 5000)),
    ("anthropic", ODD + b'"result": "oh"}'),
]


@pytest.mark.parametrize(("name", "line"), UNREADABLE)
def test_a_line_that_is_odd_inside_is_told_of_and_ends_no_run(tmp_path, name, line):
    [result] = read(name, tmp_path, line)
    assert isinstance(result, BadLine)
