"""An answer is read and kept only as far as `max_tokens` can explain it."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Iterator
from dataclasses import replace

import pytest

from providers.provider import Provider
from runner.transport.outcome import Answered, NotBilled, Unknown
from runner.transport.sender import HttpTransport
from tests.runner.transport.test_sender import NAME, REQUEST
from tests.support.raw_server import Answer, run_raw_server

HEAD = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
MIB = 2**20


def answer(text: str = "Hello.", **fields: object) -> bytes:
    usage = {"prompt_tokens": 9, "completion_tokens": 20} | dict(fields.pop("usage", {}))
    message = {"content": text} | dict(fields.pop("message", {}))
    choice = {"message": message, "finish_reason": "stop"}
    return json.dumps({"choices": [choice], "usage": usage} | fields).encode()


def send(said: bytes | Answer, *, times: int = 1, **sampling: object):
    """Send requests at once to a server that answers so; give one outcome."""
    request = replace(REQUEST, sampling=REQUEST.sampling | sampling)

    async def sending(url: str):
        provider = Provider("mine", "openai", f"{url}/v1")
        async with HttpTransport({"mine": provider}, 30) as sender:
            return await asyncio.gather(*(sender.send(NAME, request) for _ in range(times)))

    said_by = said if callable(said) else lambda _: HEAD + b"\r\n" + said
    with run_raw_server(said_by) as url:
        return asyncio.run(sending(url))[-1]


def pour(megabytes: int, sent: list[int]) -> Iterator[bytes]:
    """Give an answer with a text of so many megabytes, and note what of it was taken."""
    yield HEAD + b'\r\n{"choices": [{"message": {"content": "'
    for _ in range(megabytes):
        yield b"word " * (MIB // 5)
        sent.append(1)
    yield b'"}}], "usage": {"prompt_tokens": 9, "completion_tokens": 20}}'


def test_an_answer_of_60_megabytes_is_neither_read_nor_kept():
    sent: list[int] = []
    tracemalloc.start()
    try:
        outcome = send(lambda _: pour(60, sent), times=10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(outcome, Unknown)
    assert "larger than 1 MiB, more than max_tokens (100) can hold" in outcome.reason
    assert len(sent) < 10 * 30, "reading stopped"
    assert peak < 100 * MIB


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_answer_is_bounded_by_what_it_becomes(encoding):
    text = answer("word " * 12_000_000)
    packed = gzip.compress(text) if encoding == "gzip" else zlib.compress(text)
    head = HEAD + f"Content-Encoding: {encoding}\r\n\r\n".encode()
    tracemalloc.start()
    try:
        outcome = send(lambda _: head + packed, times=10)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(outcome, Unknown)
    assert "larger than 1 MiB" in outcome.reason
    assert peak < 150 * MIB


def test_a_compressed_answer_of_the_usual_size_is_read():
    packed = gzip.compress(answer("Hello."))
    outcome = send(lambda _: HEAD + b"Content-Encoding: gzip\r\n\r\n" + packed)
    assert isinstance(outcome, Answered)
    assert outcome.response.text == "Hello."


def test_a_text_longer_than_max_tokens_can_hold_is_cut_and_named():
    outcome = send(answer("x" * 300_000, message={"reasoning": "y" * 200_000}))
    assert isinstance(outcome, Answered)
    assert (len(outcome.response.text), len(outcome.response.reasoning)) == (25_600, 25_600)
    assert outcome.response.note == (
        "text of 300,000 characters cut to 25,600; reasoning of 200,000 characters cut to 25,600"
    )


def test_the_longest_text_that_tokens_can_make_is_kept_whole():
    longest = " " * 128 * 100  # the longest token that is known, a hundred times
    outcome = send(answer(longest))
    assert isinstance(outcome, Answered)
    assert (outcome.response.text, outcome.response.note) == (longest, "")


def test_an_answer_with_many_tokens_or_their_probabilities_may_be_larger():
    text = answer("word " * 300_000)
    assert isinstance(send(text), Unknown)
    assert isinstance(send(text, max_tokens=16_000), Answered)
    assert isinstance(send(text, max_tokens=1_000), Unknown)
    assert isinstance(send(text, max_tokens=1_000, logprobs=True), Answered)


@pytest.mark.parametrize("status", ["400 Bad", "429 Wait", "500 Oh"])
def test_an_error_without_an_end_may_have_been_billed(status):
    outcome = send(lambda _: [f"HTTP/1.1 {status}\r\n\r\n".encode(), *[b"x" * MIB] * 8])
    assert isinstance(outcome, Unknown)
    assert len(outcome.reason) < 200


def test_figures_and_names_of_megabytes_are_told_shortly():
    outcome = send(answer(usage={"completion_tokens": "9" * 900_000}))
    assert isinstance(outcome, Unknown)
    assert len(outcome.reason) < 200
    outcome = send(lambda _: b"HTTP/1.1 400 Bad\r\n\r\n" + b"y" * 900_000)
    assert isinstance(outcome, NotBilled)
    assert len(outcome.reason) < 400
    named = dict.fromkeys(["model", "id", "service_tier"], "z" * 200_000)
    outcome = send(answer(**named))
    assert isinstance(outcome, Answered)
    assert (
        max(map(len, (outcome.response.model, outcome.response.id, outcome.response.tier))) <= 200
    )


@pytest.mark.parametrize(
    "more",
    [
        {"note": "x" * 900_000},
        {f"field {number}": "x" * 500 for number in range(1_500)},
        {"list": ["x" * 500] * 1_500},
        {"x" * 500_000: 1},
    ],
    ids=["text", "fields", "list", "name"],
)
def test_usage_is_kept_bounded_with_its_figures(more):
    outcome = send(answer(usage=more))
    assert isinstance(outcome, Answered)
    assert outcome.response.usage.output == 20
    assert len(json.dumps(outcome.response.raw_usage)) < 10_000
    assert outcome.response.raw_usage["prompt_tokens"] == 9


def nested(levels: int) -> object:
    return {"deeper": nested(levels - 1)} if levels else 1


@pytest.mark.parametrize(
    "more",
    [
        {f"field {number}": "x" * 50 for number in range(9_000)},
        {"list": list(range(90_000))},
        {"more": nested(200)},
    ],
    ids=["fields", "list", "depth"],
)
def test_usage_that_cannot_be_searched_for_costs_is_held(more):
    outcome = send(answer(usage=more))
    assert isinstance(outcome, Unknown)
    assert "usage has more fields than can be read" in outcome.reason


def test_usage_is_kept_to_a_depth():
    outcome = send(answer(usage={"a": {"b": {"c": {"d": {"e": ["x" * 500]}}}}}))
    assert isinstance(outcome, Answered)
    assert len(json.dumps(outcome.response.raw_usage)) < 500


def test_an_answer_of_many_lists_does_not_take_their_memory():
    tracemalloc.start()
    try:
        outcome = send(answer().replace(b"}", b', "x": [' + b"[]," * 300_000 + b"1]}", 1))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(outcome, Unknown)
    assert "lists and objects, more than max_tokens (100) can hold" in outcome.reason
    assert peak < 15 * MIB


def test_a_number_that_no_decimal_can_hold_is_no_crash():
    text = answer(usage={"cost": 1}).replace(b'"cost": 1', b'"cost": 1e99999999999999999999')
    assert isinstance(send(text), Unknown)
