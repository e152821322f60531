"""Tasks write together: all of a transaction or nothing, whoever is cancelled meanwhile."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from pricing.money import Money
from runner.errors import LedgerError
from runner.execution.budget import Budget
from runner.execution.group_commit import GroupCommitWriter
from runner.ledger import SpooledAnswer
from runner.ledger.location import FileLocation
from runner.ledger.open import open_ledger
from tests.runner.ledger_texts import answered_texts
from tests.runner.sample_experiment import STUCK, an_answer, an_attempt, approval, ledger_of


@pytest.fixture
def ledger(tmp_path):
    with ledger_of(tmp_path / "ledger.sqlite", Money(10**6)) as opened:
        yield opened


def within_reason(story):
    return asyncio.run(asyncio.wait_for(story, STUCK))


def commits(ledger):
    """Count transactions from now on."""
    done = []
    ledger.store._db.set_trace_callback(lambda text: text == "COMMIT" and done.append(text))
    return done


def test_what_is_asked_for_while_a_transaction_is_written_goes_into_the_next_one(ledger):
    async def story():
        writer, made = GroupCommitWriter(ledger), commits(ledger)
        jobs = [f"job {n}" for n in range(100)]
        promises = (writer.write(partial(ledger.allocate, job, Money(10))) for job in jobs)
        assert await asyncio.gather(*promises) == [True] * 100
        return len(made)

    assert within_reason(story()) <= 2
    assert ledger.balance.aside == Money(1000)


class Stopped(asyncio.SelectorEventLoop):
    """A loop whose clock is set by hand."""

    now = 0.0

    def time(self):
        return self.now


def test_with_a_pace_more_goes_into_the_next_transaction(ledger):
    async def story():
        writer, made = GroupCommitWriter(ledger, pace=1.0), commits(ledger)
        await writer.write(partial(ledger.allocate, "first", Money(10)))
        asked = []
        for job in ("second", "third"):
            asked.append(writer.write(partial(ledger.allocate, job, Money(10))))
            await asyncio.sleep(0)
        assert len(made) == 1
        asyncio.get_running_loop().now = 1.0
        await asyncio.gather(*asked)
        return len(made)

    with asyncio.Runner(loop_factory=Stopped) as runner:
        assert runner.run(story()) == 2
    assert ledger.balance.aside == Money(30)


def test_a_job_of_which_nothing_is_left_is_closed_without_a_transaction(ledger):
    async def story():
        purse = Budget(ledger)
        await purse.admit([("job", Money(60))])
        await purse.reserve([(an_attempt(), Money(60))])
        await purse.settle([SpooledAnswer(an_attempt(), Money(9), an_answer(), "")])
        made = commits(ledger)
        await purse.close_job("job")
        return made

    assert within_reason(story()) == []


def test_what_cannot_be_written_is_told_to_who_asked_and_the_others_are_written(ledger):
    async def story():
        writer = GroupCommitWriter(ledger)
        writes = [writer.write(partial(ledger.allocate, "job", Money(10))) for _ in range(3)]
        writes.append(writer.write(partial(ledger.settle, an_attempt(), Money(1), an_answer())))
        return await asyncio.gather(*writes, return_exceptions=True)

    *promises, settlement = within_reason(story())
    assert promises == [True] * 3
    assert isinstance(settlement, LedgerError)
    assert ledger.balance.aside == ledger.allocated_to("job") == Money(30)


def test_who_is_cancelled_while_it_reserves_has_sent_nothing_and_gets_the_money_back(ledger):
    async def story():
        purse = Budget(ledger)
        await purse.admit([("job", Money(100))])
        reserving = asyncio.create_task(purse.reserve([(an_attempt(), Money(60))]))
        await asyncio.sleep(0)
        reserving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reserving

    within_reason(story())
    assert (ledger.balance.aside, ledger.balance.reserved) == (Money(100), Money())


def test_an_answer_is_stored_even_if_its_task_is_cancelled_meanwhile(ledger):
    async def story():
        purse = Budget(ledger)
        await purse.admit([("job", Money(100))])
        await purse.reserve([(an_attempt(), Money(60))])
        settling = asyncio.create_task(
            purse.settle([SpooledAnswer(an_attempt(), Money(9), an_answer(), "")])
        )
        await asyncio.sleep(0)
        settling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await settling

    within_reason(story())
    assert ledger.balance.settled == Money(9)
    assert answered_texts(ledger) == {"request": "yes"}


def test_two_votes_that_reserve_at_the_same_moment_share_what_their_job_has(ledger):
    async def story():
        purse = Budget(ledger)
        await purse.admit([("job", Money(100))])
        both = (purse.reserve([(an_attempt(number=n), Money(60))]) for n in (1, 2))
        return await asyncio.gather(*both)

    assert within_reason(story()) == [True, False]
    assert (ledger.balance.aside, ledger.balance.reserved) == (Money(40), Money(60))


def test_nothing_is_sent_before_its_reservation_would_survive_a_power_cut(tmp_path):
    with open_ledger(FileLocation(tmp_path / "ledger.sqlite")) as ledger:
        ledger.record_approval(approval(Money(10**6)))
        modes = []

        def watch(text):
            if text.startswith("PRAGMA synchronous"):
                modes.append(text)

        ledger.store._db.set_trace_callback(watch)

        async def story():
            purse = Budget(ledger)
            await purse.admit([("job", Money(100))])
            await purse.reserve([(an_attempt(), Money(60))])
            await purse.settle([SpooledAnswer(an_attempt(), Money(9), an_answer(), "")])

        within_reason(story())
        full = ["FULL" in mode for mode in modes]
    assert full == [False, True], "it stays so until something is only promised"


def test_who_is_cancelled_twice_learns_of_it_when_all_is_written(ledger):
    async def story():
        async def write():
            await GroupCommitWriter(ledger).write(partial(ledger.allocate, "job", Money(10)))

        writing = asyncio.create_task(write())
        for _ in range(2):
            await asyncio.sleep(0)
            writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        return ledger.balance.aside

    assert within_reason(story()) == Money(10)
