"""Samples of an evaluation: one begins when there is money for all of its calls, or not at all."""

from __future__ import annotations

import asyncio

import pytest

from pricing.money import Money
from runner.gateway.spending.sample_needs import ANY_SIZE
from tests.runner.gateway.opened_gate import BODY, opened_gate
from tests.support.provider.behaviour import Behaviour

USUAL = Behaviour(output_tokens=60)


async def say(opened, what, name, **more):
    url = f"{opened.door.url}/afcost/samples/{what}"
    async with opened.session.post(url, json={"sample": name} | more) as answer:
        return await answer.json()


async def call(opened, name, **fields):
    url, headers = f"{opened.door.url}/openai/v1/chat/completions", {"x-afcost-sample": name}
    async with opened.session.post(url, json=BODY | fields, headers=headers) as answer:
        return answer.status, await answer.text()


async def run_sample(opened, name, calls=3):
    said = await say(opened, "begin", name)
    done = [await call(opened, name) for _ in range(calls)] if said["admitted"] else []
    await say(opened, "end", name)
    return [status for status, _ in done], said["reason"]


@pytest.fixture(autouse=True)
def _usual(server):
    server.reset(USUAL)


def test_the_first_sample_runs_alone_and_says_what_the_next_ones_need(server, tmp_path):
    async def ask():
        async with opened_gate(tmp_path / "run", server.url) as opened:
            assert (await say(opened, "begin", "a"))["admitted"]
            second = asyncio.create_task(say(opened, "begin", "b"))
            await call(opened, "a")
            await call(opened, "a")
            assert not second.done()
            reserved = opened.note_reserved()
            await call(opened, "a")
            await say(opened, "end", "a")
            assert (await second)["admitted"]
            need = Money(3 * reserved[0].pico)
            assert opened.gate.samples.known == {ANY_SIZE: need}
            assert opened.balance.aside == need
            await say(opened, "end", "b")
            return opened.balance

    balance = asyncio.run(ask())
    assert (balance.aside.pico, balance.reserved.pico) == (0, 0)


def test_at_the_cap_samples_are_whole_or_not_begun(server, tmp_path):
    async def ask():
        async with opened_gate(tmp_path / "run", server.url, cap="0.003") as opened:
            await run_sample(opened, "first")
            done = await asyncio.gather(*(run_sample(opened, f"{n}") for n in range(20)))
            return done, opened.balance

    done, balance = asyncio.run(ask())
    assert {tuple(statuses) for statuses, _ in done} == {(200, 200, 200), ()}
    begun = sum(bool(statuses) for statuses, _ in done)
    assert 3 <= begun < 20
    assert all("cap of $0.003 reached" in reason for statuses, reason in done if not statuses)
    assert len(server.bill().calls) == 3 * (1 + begun)
    assert balance.settled <= balance.cap
    assert (balance.aside.pico, balance.reserved.pico) == (0, 0)


async def ask_and_end(opened, name):
    done = await call(opened, name, max_tokens=200)
    await say(opened, "end", name)
    return done


def test_samples_that_turn_out_larger_do_not_wait_for_each_other_without_end(server, tmp_path):
    async def ask():
        async with opened_gate(tmp_path / "run", server.url, cap="0.00085") as opened:
            await run_sample(opened, "small", calls=1)
            names = ("a", "b", "c")
            for name in names:
                assert (await say(opened, "begin", name))["admitted"]
            done = await asyncio.gather(*(ask_and_end(opened, name) for name in (*names, "")))
            await opened.settle()
            return [status for status, _ in done], opened.balance

    statuses, balance = asyncio.run(ask())
    assert set(statuses) == {200, 402}
    assert balance.settled <= balance.cap
    assert (balance.aside.pico, balance.reserved.pico) == (0, 0)


def test_what_a_program_left_open_is_free_at_its_end(server, tmp_path):
    async def ask():
        async with opened_gate(tmp_path / "run", server.url, cap="0.002") as opened:
            await run_sample(opened, "first")
            for name in ("0", "1"):
                await say(opened, "begin", name)
            assert opened.balance.aside.pico > 0
            running = asyncio.create_task(call(opened, "0"))
            while not opened.balance.reserved.pico:  # noqa: ASYNC110 - the ledger tells no one
                await asyncio.sleep(0.005)
            await opened.gate.samples.end_all()
            assert (await running)[0] == 200
            await opened.settle()
            return opened.balance

    server.reset(Behaviour(output_tokens=60, delay=0.2))
    balance = asyncio.run(ask())
    assert (balance.aside.pico, balance.reserved.pico) == (0, 0)


async def ask_for(opened, name):
    """Ask for a sample in a call that does not say so, and end the sample."""
    done = await call(opened, "", max_tokens=200)
    await say(opened, "end", name)
    return done


async def begin_all(opened, *names):
    for name in names:
        assert (await say(opened, "begin", name))["admitted"]


def test_calls_of_no_sample_that_samples_wait_for_do_not_stand_in_line_without_end(
    server, tmp_path
):
    """A sample's helper may not know which sample it is of."""

    async def ask():
        async with opened_gate(tmp_path / "run", server.url, cap="0.00075") as opened:
            await run_sample(opened, "first", calls=1)
            await begin_all(opened, "a", "b")
            done = await asyncio.gather(*(ask_for(opened, name) for name in ("a", "b")))
            await opened.settle()
            return [status for status, _ in done], opened.balance

    statuses, balance = asyncio.run(ask())
    assert 402 in statuses
    assert (balance.aside.pico, balance.reserved.pico) == (0, 0)


def test_a_sample_that_waits_for_the_first_one_ends_with_its_program(server, tmp_path):
    async def ask():
        async with opened_gate(tmp_path / "run", server.url) as opened:
            await begin_all(opened, "first")
            running = asyncio.create_task(call(opened, "first"))
            await asyncio.to_thread(server.arrived, 1, 10)
            waiting = asyncio.create_task(say(opened, "begin", "second"))
            while opened.door.open_calls < 2:  # noqa: ASYNC110 - the door tells no one
                await asyncio.sleep(0.005)
            await opened.gate.samples.end_all()
            await waiting
            await asyncio.to_thread(server.release)
            status, _ = await running
            await opened.settle()
            return status, opened.gate.samples.is_used, opened.balance.aside.pico

    server.hold_after(0)
    assert asyncio.run(ask()) == (200, False, 0)


def test_a_sample_begins_again_with_money_of_its_own_once_its_last_call_is_in(server, tmp_path):
    async def ask():
        async with opened_gate(tmp_path / "run", server.url) as opened:
            await run_sample(opened, "first")
            await begin_all(opened, "a")
            running = asyncio.create_task(call(opened, "a"))
            await asyncio.to_thread(server.arrived, 4, 10)
            await say(opened, "end", "a")
            again = asyncio.create_task(say(opened, "begin", "a"))
            while opened.door.open_calls < 2:  # noqa: ASYNC110 - the door tells no one
                await asyncio.sleep(0.005)
            assert not again.done()
            await asyncio.to_thread(server.release)
            assert (await running)[0] == 200
            assert (await again)["admitted"]
            assert opened.balance.aside == opened.gate.samples.known[ANY_SIZE]
            await say(opened, "end", "a")
            return opened.balance

    server.hold_after(3)
    balance = asyncio.run(ask())
    assert (balance.aside.pico, balance.reserved.pico) == (0, 0)


def test_a_call_that_was_reserved_again_counts_for_its_sample(server, tmp_path):
    """Its worst case rose while it waited for its place, so it was released, and reserved again."""

    async def ask():
        async with opened_gate(tmp_path / "run", server.url, concurrency=4) as opened:
            await begin_all(opened, "a")
            reserved = opened.note_reserved()
            done = await asyncio.gather(*(call(opened, "a") for _ in range(5)))
            await say(opened, "end", "a")
            await opened.settle()
            return [status for status, _ in done], reserved, opened.gate.samples.known[ANY_SIZE]

    server.reset(Behaviour(delay=0.1, input_tokens=150, output_tokens=5))
    statuses, reserved, largest = asyncio.run(ask())
    assert statuses == [200] * 5
    assert len(reserved) > 5
    assert largest.pico >= 5 * reserved[0].pico


@pytest.mark.parametrize("body", [b"", b"[]", b'{"sample": 3}', b'{"sample": "a\\nb"}'])
def test_what_names_no_sample_is_refused(server, tmp_path, body):
    async def ask():
        async with opened_gate(tmp_path / "run", server.url) as opened:
            url = f"{opened.door.url}/afcost/samples/begin"
            async with opened.session.post(url, data=body) as answer:
                return answer.status

    assert asyncio.run(ask()) == 400


def test_a_sample_that_the_cap_refused_in_its_middle_is_the_last_one_begun(server, tmp_path):
    async def run(opened, name):
        begun = await say(opened, "begin", name)
        if not begun["admitted"]:
            return begun["reason"]
        await call(opened, name, max_tokens=10)
        status, _ = await call(opened, name, max_tokens=8000)  # more than the cap
        await say(opened, "end", name)
        return status

    async def ask():
        async with opened_gate(tmp_path / "run", server.url, cap="0.002") as opened:
            done = await asyncio.gather(*(run(opened, f"{n}") for n in range(5)))
            return done, opened.gate.samples.known

    done, known = asyncio.run(ask())
    assert done[0] == 402
    assert all("all calls of a sample like this one may cost" in str(reason) for reason in done[1:])
    assert len(server.bill().calls) == 1
    assert not known  # a later start may have other limits


async def run_long(opened, name, length):
    """Run a sample whose second prompt grows with its length."""
    said = await say(opened, "begin", name, length=length)
    done = []
    if said["admitted"]:
        asked = [{"role": "user", "content": "word " * (length // 5)}]
        done = [(await call(opened, name, **fields))[0] for fields in ({}, {"messages": asked})]
    await say(opened, "end", name)
    return done


@pytest.mark.parametrize("lengths", [(100, 10_000, 120, 90), (10_000, 100, 9_000, 40, 120)])
def test_a_sample_that_is_too_large_for_the_rest_keeps_no_smaller_one_from_beginning(
    server, tmp_path, lengths
):
    """Whatever comes first, one large one is begun in vain; those like it are not begun."""

    async def ask():
        async with opened_gate(tmp_path / "run", server.url, cap="0.001") as opened:
            samples = [run_long(opened, f"{n}", length) for n, length in enumerate(lengths)]
            done = await asyncio.gather(*samples)
            await opened.settle()
            return done, opened.balance

    done, balance = asyncio.run(ask())
    for length, statuses in zip(lengths, done, strict=True):
        assert statuses in ([[200, 200]] if length < 1000 else [[200, 402], []])
    assert done.count([200, 402]) == 1
    assert balance.settled <= balance.cap
    assert (balance.aside.pico, balance.reserved.pico) == (0, 0)


def test_where_length_says_nothing_only_few_samples_are_begun_in_vain(server, tmp_path):
    async def run(opened, number):
        said = await say(opened, "begin", f"{number}", length=4000 - number)
        done = []
        if said["admitted"]:
            fields = ({"max_tokens": 1}, {"max_tokens": 8000})
            done = [(await call(opened, f"{number}", **each))[0] for each in fields]
        await say(opened, "end", f"{number}")
        return done

    async def ask():
        async with opened_gate(tmp_path / "run", server.url, cap="0.002") as opened:
            return await asyncio.gather(*(run(opened, n) for n in range(0, 3990, 100)))

    done = asyncio.run(ask())
    assert all(each in ([], [200, 402]) for each in done)
    assert done.count([200, 402]) <= 12  # the powers of two up to 4000


def test_a_small_sample_begins_where_an_earlier_start_knows_only_larger_ones(server, tmp_path):
    async def ask():
        async with opened_gate(tmp_path / "run", server.url, cap="0.001") as opened:
            opened.gate.samples.known[20] = Money.from_usd("0.5")
            return [await run_long(opened, f"{n}", length) for n, length in ((0, 2**20), (1, 50))]

    assert asyncio.run(ask()) == [[], [200, 200]]
