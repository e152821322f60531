"""One request of a cold prefix goes ahead; the others follow once it is answered."""

from __future__ import annotations

import asyncio

import pytest

from experiment.prompts.request import CacheMark, Message, Request
from pricing.usage import Usage
from providers.failures import describe_unsent
from providers.reply import ModelResponse
from runner.execution.warming import WarmPrefixes
from runner.transport.outcome import Answered, Unknown
from tests.runner.sample_experiment import STUCK

CUT = Unknown(describe_unsent("the connection was cut"))
ANSWERED = Answered(ModelResponse("yes", "", "stop", Usage(1, 1), None, "m", "id", {}))


def request(key="a", keep="5m", model="m"):
    mark = CacheMark(key, 1, keep, 2000) if key else None
    return Request("i", "subject", model, "all", 0, 0, (Message("user", "?"),), {}, mark=mark)


class Run:
    """Requests under way, each of which is answered when it is told to be."""

    def __init__(self):
        self.now, self.sent, self.tasks = 1000.0, [], []
        self.prefixes = WarmPrefixes(lambda: self.now)

    async def begin(self, each):
        self.tasks.append(asyncio.create_task(self._send(each)))
        await self.settle()

    async def settle(self):
        for _ in range(5):
            await asyncio.sleep(0)

    async def _send(self, each):
        async with self.prefixes.use(each) as use:
            told = asyncio.get_running_loop().create_future()
            self.sent.append((each, told))
            use.record(await told, self.now)

    async def answer(self, number, outcome=ANSWERED):
        self.sent[number][1].set_result(outcome)
        await self.settle()


@pytest.fixture
def run():
    def run(script):
        async def within():
            async with asyncio.timeout(STUCK):
                this = Run()
                await script(this)
                for each in this.tasks:
                    each.cancel()

        asyncio.run(within())

    return run


def test_others_wait_for_the_first_answer_and_then_go_together(run):
    async def script(run):
        for _ in range(4):
            await run.begin(request())
        assert len(run.sent) == 1
        await run.begin(request("b"))
        await run.begin(request(model="another"))
        await run.begin(request(""))
        assert len(run.sent) == 4, "other prefixes, other models, and requests without a mark"
        await run.answer(0)
        assert len(run.sent) == 7

    run(script)


def test_where_the_first_is_not_answered_the_next_one_leads(run):
    async def script(run):
        for _ in range(3):
            await run.begin(request())
        await run.answer(0, CUT)
        assert len(run.sent) == 2
        run.tasks[1].cancel()
        await run.settle()
        assert len(run.sent) == 3

    run(script)


@pytest.mark.parametrize(("keep", "kept"), [("5m", 300), ("1h", 3600), (None, 300)])
def test_it_is_cold_again_some_time_after_it_was_last_used(run, keep, kept):
    async def script(run):
        await run.begin(request(keep=keep))
        await run.answer(0)
        for at in (1, 2):  # each use begins the time again
            run.now += kept - 1
            await run.begin(request(keep=keep))
            await run.answer(at)
        run.now += kept + 1
        for _ in range(3):
            await run.begin(request(keep=keep))
        assert len(run.sent) == 4

    run(script)


def test_nothing_waits_once_nothing_more_is_sent(run):
    async def script(run):
        for _ in range(3):
            await run.begin(request())
        run.prefixes.release_all()
        await run.settle()
        assert len(run.sent) == 3

    run(script)
