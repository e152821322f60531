"""A request reserves before its place on the wire is free, and is looked at again once it is."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

import pytest

from pricing.money import Money
from runner.execution import RetryPolicy, SlowStart, StopReason
from runner.state import Trust
from tests.runner import sample_experiment as labs
from tests.runner.sample_experiment import Call, FakeProvider, execution, finish, ledger_of
from tests.support.waiting import STUCK_SECONDS

AMPLE = Money(10**15)
IN_FLIGHT, AHEAD = 16, 4
SEVERAL = 20  # looks, by which the tasks know that their money is reserved


@pytest.fixture
def lab(tmp_path):
    return labs.make(tmp_path / "e", queries=10, votes=0)


class Crowd:
    """A run whose first requests are answered once others wait for their places, reserved.

    Args:
        lab: the experiment.
        ledger: of the run.
        first: what becomes of the first of them.
        meanwhile: is called once, when all is as described.
    """

    def __init__(self, lab, ledger, first, meanwhile=lambda _: None):
        trust, most = Trust(answers=IN_FLIGHT), max(map(lab.ceiling, lab.subjects()))
        self.ledger, self.first, self.meanwhile = ledger, first, meanwhile
        self.least = Money(most.pico * (IN_FLIGHT + AHEAD) * 9 // 10)
        self.is_full = False
        self.looks = 0  # that found it so
        self.awaited = []  # before the first is answered
        self.provider = FakeProvider(lab, self.script)
        self.running = execution(
            lab,
            ledger,
            self.provider,
            concurrency=IN_FLIGHT,
            patience=RetryPolicy(base_delay=0.5),
            slow_starts={name: SlowStart(IN_FLIGHT, trust, AMPLE) for name in lab.models},
        )

    def script(self, *_):
        if len(self.provider.sent) > 1:
            return Call(output=2, until=lambda provider: bool(provider.told))
        return Call(**({"output": 2} | self.first), until=self.look)

    def look(self, provider):
        is_full = provider.in_flight >= IN_FLIGHT and self.ledger.balance.reserved >= self.least
        self.looks += is_full
        if self.looks > SEVERAL and not self.is_full:
            self.is_full = True
            self.meanwhile(self.running)
        return self.is_full and all(each.done() for each in self.awaited)

    async def see_released(self):
        """Wait until nothing is reserved but for what is in flight."""
        async with asyncio.timeout(STUCK_SECONDS):
            while self.ledger.balance.reserved >= self.least:  # noqa: ASYNC110 - no event says it
                await asyncio.sleep(0)

    def released(self):
        rows = self.ledger.store.execute("SELECT note FROM entry WHERE kind = 'release'")
        return [note for (note,) in rows.fetchall()].count("never sent")


@pytest.fixture
def crowd(lab, tmp_path):
    with ledger_of(tmp_path / "ledger.sqlite", AMPLE) as ledger:
        yield partial(Crowd, lab, ledger)


def test_a_breach_stops_those_that_wait_for_their_places(lab, crowd):
    crowd = crowd({"output": lab.subjects()[0].max_tokens + 500})
    assert finish(crowd.running).end is StopReason.STOPPED
    assert len(crowd.provider.sent) == IN_FLIGHT
    assert 1 <= crowd.released() <= AHEAD
    assert not crowd.ledger.balance.reserved
    assert crowd.ledger.balance.settled == crowd.provider.billed


@pytest.mark.parametrize("halt", ["interrupt", "expire", "pause", "stop"])
def test_a_halt_stops_those_that_wait_for_their_places(crowd, halt):
    def act(running):
        running.stop("a test") if halt == "stop" else getattr(running, halt)()
        # At once: those in flight are answered only when that is seen.
        crowd.awaited.append(asyncio.ensure_future(crowd.see_released()))
        if halt == "pause":
            asyncio.get_running_loop().call_later(0.2, begin_again, running)

    def begin_again(running):
        sent.append(len(crowd.provider.sent))
        running.resume()

    sent = []
    crowd = crowd({}, act)
    end = finish(crowd.running).end
    assert [each.exception() for each in crowd.awaited] == [None]
    assert crowd.released() == AHEAD
    assert not crowd.ledger.balance.reserved
    if halt == "pause":
        assert (end, sent) == (StopReason.COMPLETE, [IN_FLIGHT])
    else:
        assert len(crowd.provider.sent) == IN_FLIGHT


@pytest.mark.parametrize("fate", ["busy", "stop"])
def test_a_model_that_refuses_is_asked_by_none_that_waits(crowd, fate):
    crowd = crowd({"fate": fate})
    finish(crowd.running)
    assert crowd.released() >= 1
    assert max(crowd.provider.sendings().values()) == (2 if fate == "busy" else 1)


def test_a_reservation_that_no_longer_suffices_is_made_again(lab, crowd):
    crowd = crowd({"output": 1, "extra_prompt": 1})
    assert finish(crowd.running).end is StopReason.COMPLETE
    assert 1 <= crowd.released() <= AHEAD + IN_FLIGHT
    assert len(crowd.provider.sent) == len(lab.subjects())


def test_a_lowered_cap_counts_for_those_that_wait_for_their_places(crowd):
    def lower(running):
        at = labs.NOW + timedelta(hours=1)
        record = partial(crowd.ledger.record_approval, labs.approval(Money(1), at))
        crowd.awaited.append(asyncio.ensure_future(running._budget._write_or_raise(record)))

    crowd = crowd({}, lower)
    assert finish(crowd.running).end is StopReason.CAP
    assert len(crowd.provider.sent) == IN_FLIGHT
    assert crowd.released() == AHEAD


def test_before_what_waited_for_long_is_sent_the_ledger_is_looked_at(crowd, monkeypatch):
    monkeypatch.setattr("runner.execution.attempts._FRESH", 0.0)
    lower = labs.approval(Money(1), labs.NOW + timedelta(hours=1))
    newest = []
    crowd = crowd({}, lambda _: newest.append(lower))
    crowd.ledger.follow_approvals(lambda: newest.pop() if newest else None)
    assert finish(crowd.running).end is StopReason.CAP
    assert len(crowd.provider.sent) == IN_FLIGHT
    assert crowd.released() == AHEAD


def test_what_is_cancelled_while_it_waits_for_its_place_is_released(crowd):
    async def play():
        crowd.awaited.append(asyncio.get_running_loop().create_future())
        running = asyncio.ensure_future(crowd.running.run())
        crowd.meanwhile = lambda _: running.cancel()
        await asyncio.wait({running})

    crowd = crowd({})
    asyncio.run(play())
    assert crowd.released() == AHEAD
    assert crowd.ledger.balance.held == sum(
        (crowd.running._worst_case.of_request(each) for each in crowd.provider.sent), Money()
    )
