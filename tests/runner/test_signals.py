"""Signals are received for a while; what was done at them before is done again."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from runner.signals import call_at_signals


@pytest.fixture
def noted():
    """Have SIGTERM noted, and SIGINT ignored, as a shell's `&` has it."""
    seen = []
    before = signal.signal(signal.SIGTERM, lambda *_: seen.append("before"))
    ignored = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield seen
    signal.signal(signal.SIGTERM, before)
    signal.signal(signal.SIGINT, ignored)


async def send(*numbers):
    for number in numbers:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)


def test_what_was_done_before_is_done_again_and_what_is_ignored_stays_so(noted):
    async def run():
        with call_at_signals(lambda: noted.append("within")):
            await send(signal.SIGTERM, signal.SIGINT)
        await send(signal.SIGTERM, signal.SIGINT)

    asyncio.run(run())
    assert noted == ["within", "before"]


def test_outside_of_the_main_thread_nothing_is_received(noted):
    async def run():
        with call_at_signals(lambda: noted.append("within")):
            await send(signal.SIGTERM)

    asyncio.run(asyncio.to_thread(asyncio.run, run()))
    assert noted == ["before"]
