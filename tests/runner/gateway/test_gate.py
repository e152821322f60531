"""What a gate reserves is the most that is billed, and no failure leaves money in between."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import pytest

from pricing.rates import Rate
from runner.gateway.spending import PartCap
from tests.runner.gateway.opened_gate import opened_gate
from tests.support.provider.behaviour import Behaviour, Fault
from tests.support.raw_server import run_raw_server

USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
ANSWER = json.dumps(
    {
        "id": "1",
        "object": "chat.completion",
        "model": "lab-model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello"},
                "finish_reason": "stop",
            }
        ],
        "usage": USAGE,
    }
).encode()


def say() -> bytes:
    length = b"Content-Length: %d" % len(ANSWER)
    lines = (b"HTTP/1.1 200 OK", b"Content-Type: application/json", length)
    return b"\r\n".join((*lines, b"", ANSWER))


def test_where_the_gateway_itself_fails_the_money_is_held(tmp_path, monkeypatch):
    async def ask(url):
        async with opened_gate(tmp_path / "run", url, cap="0.0002") as opened:
            return [await opened.call(), await opened.call()], opened.balance, opened.notes

    def fail(*_):
        raise LookupError

    monkeypatch.setattr("runner.gateway.relay.classify_body", fail)
    with run_raw_server(lambda _: say()) as url:
        calls, balance, notes = asyncio.run(ask(url))
    # The second call does not wait for money that never comes free.
    assert [status for status, _ in calls] == [200, 402]
    assert balance.held.pico > 0
    assert balance.reserved.pico == 0
    assert notes == ["a call failed inside the gateway: LookupError"]


def test_a_stream_with_decimal_numbers_is_settled(tmp_path):
    """Such as a cost, a logarithm of a probability, or a time."""
    chunk = json.loads(ANSWER) | {"timings": {"ms": 1.25}}
    choice = chunk["choices"][0]
    chunk["choices"] = [choice | {"delta": choice.pop("message"), "logprobs": {"mean": -0.125}}]
    events = b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

    async def ask(url):
        async with opened_gate(tmp_path / "run", url) as opened:
            status, _ = await opened.call(stream=True)
            await opened.settle()
            return status, opened.balance, opened.notes

    with run_raw_server(lambda _: head + events) as url:
        status, balance, notes = asyncio.run(ask(url))
    assert (status, notes, balance.held.pico) == (200, [], 0)
    assert balance.settled.pico > 0


def test_a_call_whose_client_left_while_it_waited_is_not_sent(server, tmp_path):
    async def ask():
        async with opened_gate(tmp_path / "run", server.url, concurrency=1) as opened:
            first = asyncio.create_task(opened.call())
            await opened.leave()
            await asyncio.to_thread(server.release)
            await first
            await opened.settle()
            return opened.balance

    server.reset(Behaviour())
    server.hold_after(0)
    balance = asyncio.run(ask())
    assert len(server.bill().calls) == 1
    assert balance.settled.pico > 0
    assert (balance.reserved.pico, balance.held.pico) == (0, 0)


@pytest.mark.parametrize("mark", [{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}])
def test_writing_a_prompt_to_a_cache_is_reserved(server, tmp_path, mark):
    """Anthropic bills 1.25 and 2 times the price of the input for that."""

    async def ask(*parts):
        async with opened_gate(tmp_path / "run", server.url) as opened:
            name = opened.models.find("anthropic", "lab-model")
            card = opened.models[name].reserve
            written = replace(card, cache_write=Rate(Decimal(5)), cache_write_1h=Rate(Decimal(8)))
            opened.models[name] = replace(opened.models[name], reserve=written)
            reserved = opened.note_reserved()
            for part in parts:
                messages = [{"role": "user", "content": [part]}]
                await opened.call("anthropic/v1/messages", messages=messages, max_tokens=1)
            return reserved

    part = {"type": "text", "text": "Hello! " * 500}
    plain, cached = asyncio.run(ask(part, part | {"cache_control": mark}))
    assert cached.pico > 10 * plain.pico


def test_all_the_answers_that_a_call_asks_for_are_reserved(server, tmp_path):
    async def ask():
        async with opened_gate(tmp_path / "run", server.url) as opened:
            reserved = opened.note_reserved()
            await opened.call()
            await opened.call(n=5)
            await opened.settle()
            return [each.pico for each in reserved], opened.balance.settled

    server.reset(Behaviour(output_tokens=60))
    (one, five), settled = asyncio.run(ask())
    assert settled.pico <= one + five
    assert five > 4 * one


def test_a_price_that_rises_while_the_program_runs_is_reserved_from_then_on(server, tmp_path):
    """Equally long calls had the price of the first day for good."""

    async def ask():
        async with opened_gate(tmp_path / "run", server.url) as opened:
            await opened.call()
            model = opened.models["openai/lab-model"]
            higher = replace(model.reserve, output=Rate(Decimal(20)))
            opened.models["openai/lab-model"] = replace(model, reserve=higher)
            reserved = opened.note_reserved()
            await opened.call()
            return reserved[0], higher

    server.reset(Behaviour(output_tokens=(20, 60)))
    reserved, higher = asyncio.run(ask())
    assert reserved >= higher.worst_case_cost(1, 60)


def test_a_call_whose_worst_case_rose_while_it_waited_for_money_waits_for_more(server, tmp_path):
    """Prompts are billed beyond their bound, and within what was reserved with their answers."""

    async def ask():
        async with opened_gate(tmp_path / "run", server.url, cap="0.00042") as opened:
            calls = [asyncio.create_task(opened.call()) for _ in range(3)]
            return [(await each)[0] for each in calls]

    slow = Fault("slow", calls=(2,), seconds=0.5)
    server.reset(Behaviour(delay=0.1, input_tokens=150, output_tokens=5, faults=(slow,)))
    assert asyncio.run(ask()) == [200, 200, 200]


def test_a_cap_on_tokens_counts_those_that_a_provider_does_not_tell_of(server, tmp_path):
    async def ask():
        caps = [PartCap("", 400, counts_tokens=True)]
        async with opened_gate(tmp_path / "run", server.url, caps=caps) as opened:
            statuses = [(await opened.call())[0] for _ in range(10)]
            await opened.settle()
            return statuses

    server.reset(Behaviour(output_tokens=60, faults=(Fault("zero_usage", probability=1),)))
    statuses = asyncio.run(ask())
    assert set(statuses) == {200, 402}
    assert sum(call.output_tokens for call in server.bill().calls) <= 400


def test_a_cap_on_tokens_reserves_what_a_provider_bills_beyond_our_count_of_a_prompt(
    server, tmp_path
):
    async def ask():
        caps = [PartCap("", 460, counts_tokens=True)]
        async with opened_gate(tmp_path / "run", server.url, caps=caps) as opened:
            statuses = [(await opened.call())[0] for _ in range(4)]
            await opened.settle()
            return statuses

    server.reset(Behaviour(input_tokens=150, output_tokens=5))
    assert asyncio.run(ask()) == [200, 200, 402, 402]
    assert sum(150 + call.output_tokens for call in server.bill().calls) <= 460
