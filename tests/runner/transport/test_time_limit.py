"""Only time in which this process could read counts against a provider.

A loop that is blocked stands for a process that is suspended: to both, time passed while nothing
could be read.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from runner.transport.time_limit import TimeLimit

STUCK = 20.0  # seconds


def within_reason(story):
    return asyncio.run(asyncio.wait_for(story, STUCK))


async def wait_for_ever(limit: TimeLimit) -> None:
    async with limit.apply():
        await asyncio.Event().wait()


@pytest.mark.parametrize("seconds", [0.05, 0.5])
def test_what_never_comes_is_given_up_after_the_limit(seconds):
    async def story():
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await wait_for_ever(TimeLimit(seconds))
        return time.monotonic() - began

    assert within_reason(story()) >= seconds


def test_what_comes_in_time_is_not_given_up():
    async def story():
        limit = TimeLimit(5)
        async with limit.apply():
            await asyncio.sleep(0.05)
        return "came"

    assert within_reason(story()) == "came"


def test_each_wait_has_the_whole_limit_whenever_it_began():
    async def story():
        limit, began = TimeLimit(0.4), time.monotonic()
        first = asyncio.create_task(wait_for_ever(limit))
        await asyncio.sleep(0.3)
        later = time.monotonic()
        with pytest.raises(TimeoutError):
            await wait_for_ever(limit)
        waited = time.monotonic() - later
        with pytest.raises(TimeoutError):
            await first
        return waited, time.monotonic() - began

    waited, _ = within_reason(story())
    assert waited >= 0.4


def test_a_limit_that_stood_still_between_two_waits_counts_none_of_it():
    async def story():
        limit = TimeLimit(0.3)
        async with limit.apply():
            pass
        await asyncio.sleep(0.5)
        async with limit.apply():
            await asyncio.sleep(0.05)
        return "came"

    assert within_reason(story()) == "came"


@pytest.mark.parametrize("suspended", [0.6, 1.5])
def test_what_arrived_while_nothing_could_be_read_is_read(suspended):
    """Megabytes of it, which take many turns of the loop, and then the other side is gone."""
    size = 3 << 20
    mine, theirs = socket.socketpair()

    def answer():
        time.sleep(0.1)
        theirs.sendall(b"x" * size)
        theirs.close()

    async def story():
        limit = TimeLimit(0.5)
        reader, writer = await asyncio.open_connection(sock=mine)
        thread = threading.Thread(target=answer)
        async with limit.apply():
            reading = asyncio.ensure_future(reader.read(-1))
            await asyncio.sleep(0)
            thread.start()
            time.sleep(suspended)  # noqa: ASYNC251 - nothing can be read meanwhile
            content = await reading
        writer.close()
        thread.join()
        return content

    assert len(within_reason(story())) == size


def test_a_process_that_is_always_late_gives_up_all_the_same():
    async def block():
        while True:
            time.sleep(0.05)  # noqa: ASYNC251 - what makes it late
            await asyncio.sleep(0)

    async def story():
        blocking = asyncio.create_task(block())
        with pytest.raises(TimeoutError):
            await wait_for_ever(TimeLimit(0.2))
        blocking.cancel()
        return True

    assert within_reason(story())


def test_a_wait_that_is_cancelled_is_not_taken_for_one_that_took_too_long():
    async def story():
        waiting = asyncio.create_task(wait_for_ever(TimeLimit(10)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return True

    assert within_reason(story())
