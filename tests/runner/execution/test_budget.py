"""Money is waited for as long as it may come back, and no longer; begun jobs go before new ones."""

import asyncio

import pytest

from pricing.money import Money
from runner.execution.budget import Budget
from tests.runner.sample_experiment import STUCK, an_answer, an_attempt, ledger_of


@pytest.fixture
def ledger(tmp_path):
    with ledger_of(tmp_path / "ledger.sqlite", Money(100)) as opened:
        yield opened


def within_reason(story):
    return asyncio.run(asyncio.wait_for(story, STUCK))


async def waiting(*coroutines):
    """Start tasks, and let them come to where they wait."""
    tasks = [asyncio.create_task(each) for each in coroutines]
    await asyncio.sleep(0.05)
    return tasks


async def spend(purse, job, reserved, billed):
    attempt = an_attempt(job, request=job)
    assert await purse.reserve(attempt, Money(reserved))
    await purse.settle(attempt, Money(billed), an_answer(), "")


def test_a_job_waits_for_money_that_is_tied_up_and_is_refused_once_nothing_can_come_back(ledger):
    async def story():
        purse = Budget(ledger)
        assert await purse.admit([("a", Money(80))])
        (small, large) = await waiting(
            purse.admit([("b", Money(50))]), purse.admit([("c", Money(51))])
        )
        await spend(purse, "a", reserved=80, billed=50)
        assert await small
        await purse.close_job("a")
        assert not large.done(), "b may cost less than it was promised"
        await purse.close_job("b")
        assert not await large

    within_reason(story())


def test_held_money_is_not_waited_for(ledger):
    async def story():
        purse = Budget(ledger)
        assert await purse.admit([("a", Money(80))])
        assert await purse.reserve(an_attempt("a"), Money(80))
        await purse.hold(an_attempt("a"), "HTTP 500")
        await purse.close_job("a")
        assert not await purse.admit([("b", Money(21))])
        assert await purse.admit([("b", Money(20))])

    within_reason(story())


def test_a_begun_job_that_needs_more_goes_before_a_new_one_that_needs_less(ledger):
    async def story():
        purse = Budget(ledger)
        assert await purse.admit([("a", Money(60))])
        assert await purse.admit([("b", Money(40))])
        (more, new) = await waiting(purse.top_up("a", Money(36)), purse.admit([("c", Money(30))]))
        await spend(purse, "b", reserved=40, billed=5)
        (_,) = await waiting(asyncio.sleep(0))
        assert not new.done(), "35 are free, and a begun job waits for 36"
        await purse.close_job("b")
        assert not await more
        assert await new

    within_reason(story())


def test_of_jobs_that_wait_for_each_others_money_one_gives_up_and_the_other_goes_on(ledger):
    async def story():
        purse = Budget(ledger)
        assert await purse.admit([("a", Money(60))])
        assert await purse.admit([("b", Money(40))])

        async def needs_more(job):
            enough = await purse.top_up(job, Money(30))
            await purse.close_job(job)
            return enough

        return await asyncio.gather(needs_more("a"), needs_more("b"))

    assert sorted(within_reason(story())) == [False, True]


def test_a_job_without_enough_of_its_own_and_alone_is_told_so_at_once(ledger):
    async def story():
        purse = Budget(ledger)
        assert await purse.admit([("a", Money(60))])
        assert await purse.top_up("a", Money(40))
        assert not await purse.top_up("a", Money(1))
        assert purse.missing_amount("a", Money(101)) == Money(1)
        assert purse.missing_amount("a", Money(100)) == Money()

    within_reason(story())


def test_nobody_is_admitted_or_waits_for_it_once_all_is_to_end(ledger):
    async def story():
        purse = Budget(ledger)
        assert await purse.admit([("a", Money(80))])
        (waits,) = await waiting(purse.admit([("b", Money(50))]))
        purse.drain()
        return await waits

    assert within_reason(story()) == 0
