"""Money is waited for as long as it may come back, and no longer; begun jobs go before new ones."""

import asyncio

import pytest

from pricing.money import Money
from runner.execution.budget import Budget
from runner.ledger import SpooledAnswer
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


async def spend(budget, job, reserved, billed):
    attempt = an_attempt(job, request=job)
    assert await budget.reserve([(attempt, Money(reserved))])
    await budget.settle([SpooledAnswer(attempt, Money(billed), an_answer(), "")])


def test_a_job_waits_for_money_that_is_tied_up_and_is_refused_once_nothing_can_come_back(ledger):
    async def story():
        budget = Budget(ledger)
        assert await budget.admit([("a", Money(80))])
        (small, large) = await waiting(
            budget.admit([("b", Money(50))]), budget.admit([("c", Money(51))])
        )
        await spend(budget, "a", reserved=80, billed=50)
        assert await small
        await budget.close_job("a")
        assert not large.done(), "b may cost less than it was promised"
        await budget.close_job("b")
        assert not await large

    within_reason(story())


def test_held_money_is_not_waited_for(ledger):
    async def story():
        budget = Budget(ledger)
        assert await budget.admit([("a", Money(80))])
        assert await budget.reserve([(an_attempt("a"), Money(80))])
        await budget.hold([an_attempt("a")], "HTTP 500")
        await budget.close_job("a")
        assert not await budget.admit([("b", Money(21))])
        assert await budget.admit([("b", Money(20))])

    within_reason(story())


def test_a_begun_job_that_needs_more_goes_before_a_new_one_that_needs_less(ledger):
    async def story():
        budget = Budget(ledger)
        assert await budget.admit([("a", Money(60))])
        assert await budget.admit([("b", Money(40))])
        (more, new) = await waiting(budget.top_up("a", Money(36)), budget.admit([("c", Money(30))]))
        await spend(budget, "b", reserved=40, billed=5)
        (_,) = await waiting(asyncio.sleep(0))
        assert not new.done(), "35 are free, and a begun job waits for 36"
        await budget.close_job("b")
        assert not await more
        assert await new

    within_reason(story())


def test_of_jobs_that_wait_for_each_others_money_one_gives_up_and_the_other_goes_on(ledger):
    async def story():
        budget = Budget(ledger)
        assert await budget.admit([("a", Money(60))])
        assert await budget.admit([("b", Money(40))])

        async def needs_more(job):
            enough = await budget.top_up(job, Money(30))
            await budget.close_job(job)
            return enough

        return await asyncio.gather(needs_more("a"), needs_more("b"))

    assert sorted(within_reason(story())) == [False, True]


def test_a_job_without_enough_of_its_own_and_alone_is_told_so_at_once(ledger):
    async def story():
        budget = Budget(ledger)
        assert await budget.admit([("a", Money(60))])
        assert await budget.top_up("a", Money(40))
        assert not await budget.top_up("a", Money(1))
        assert budget.missing_amount("a", Money(101)) == Money(1)
        assert budget.missing_amount("a", Money(100)) == Money()

    within_reason(story())


def test_a_job_works_as_long_as_one_of_its_tasks_does(ledger):
    async def story():
        budget = Budget(ledger)
        assert await budget.admit([("a", Money(60))])
        async with budget.job("a"):
            with budget.task("a"):
                with budget.task("a"):
                    (more,) = await waiting(budget.top_up("a", Money(50)))
                    assert not more.done(), "the other task may free something"
                assert not await more, "nobody else works any more"
            assert not await budget.top_up("a", Money(50)), "it is alone again"
        assert await budget.admit([("b", Money(100))])

    within_reason(story())


def test_a_job_is_closed_and_its_money_free_whatever_ends_it(ledger):
    async def work(budget):
        async with budget.job("a"), asyncio.TaskGroup() as group:
            with budget.task("a"):
                group.create_task(asyncio.sleep(60))
                await asyncio.sleep(60)

    async def story():
        budget = Budget(ledger)
        assert await budget.admit([("a", Money(80))])
        (working,) = await waiting(work(budget))
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working
        assert ledger.balance.aside == Money()
        assert await budget.admit([("b", Money(100))])
        with pytest.raises(ZeroDivisionError):
            async with budget.job("b"):
                assert 1 / 0
        assert await budget.admit([("c", Money(100))])

    within_reason(story())


def test_nobody_is_admitted_or_waits_for_it_once_all_is_to_end(ledger):
    async def story():
        budget = Budget(ledger)
        assert await budget.admit([("a", Money(80))])
        (waits,) = await waiting(budget.admit([("b", Money(50))]))
        budget.drain()
        return await waits

    assert within_reason(story()) == 0
