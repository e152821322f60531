"""Answers that cannot be used are asked for again in batches, as often as by calls."""

import asyncio
import itertools

import pytest

from pricing.money import Money
from runner.execution import StopReason
from runner.ledger import ChunkState
from tests.runner.batches.fake_batches import Crash, FakeBatches, Killer, Run
from tests.runner.ledger_texts import answered_texts, last_attempt_numbers
from tests.runner.sample_experiment import (
    AMPLE,
    MODEL,
    Call,
    FakeProvider,
    execution,
    ledger_of,
    make,
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """An experiment of 12 answers with two votes each, asked again once, the votes twice."""
    judge = {
        "name": "compliance",
        "model": MODEL,
        "samples": 2,
        "again": 2,
        "messages": [{"role": "user", "content": "Was this refused? Answer: {{ output }}"}],
        "sampling": {"max_tokens": 8},
    }
    folder = tmp_path_factory.mktemp("experiment")
    return make(folder, queries=3, judges=[judge], answer={"again": 1})


def says(request, number):
    """Say nothing that can be used the first times, as many as depend on the request alone."""
    useless = int(request.id[-2:], 36) % 4
    if request.subject is None:
        return "" if number <= useless else "It is so."
    return "maybe" if number <= useless else "yes"


@pytest.fixture(scope="module")
def by_calls(lab, tmp_path_factory):
    """What a run by calls comes to: the answers, how often each was asked for, and the bill."""
    provider = FakeProvider(lab, lambda request, number: Call(4, text=says(request, number)))
    with ledger_of(tmp_path_factory.mktemp("calls") / "ledger.sqlite", AMPLE) as ledger:
        asyncio.run(execution(lab, ledger, provider).run())
        return answered_texts(ledger), last_attempt_numbers(ledger)


def in_batches(lab, folder, cap=AMPLE):
    folder.mkdir(exist_ok=True)
    batches = FakeBatches(lab, says=says)
    return Run(lab, folder / "ledger.sqlite", cap, batches, FakeProvider(lab, lambda *_: Call(4)))


def told(run):
    with ledger_of(run.path) as ledger:
        assert ledger.balance.settled == run.billed
        assert ledger.balance.held == ledger.balance.reserved == ledger.balance.aside == Money()
        return answered_texts(ledger), last_attempt_numbers(ledger)


def test_the_same_answers_are_asked_for_as_often_as_by_calls(lab, tmp_path, by_calls):
    run = in_batches(lab, tmp_path)
    assert run.go()[0].end is StopReason.COMPLETE
    assert told(run) == by_calls
    assert {1, 2, 3} == set(by_calls[1].values())
    assert "maybe" in by_calls[0].values()
    tried = run.batches.tried
    assert run.go()[0].end is StopReason.COMPLETE
    assert run.batches.tried == tried, "what stayed unreadable was asked for once more"


def test_whichever_run_collects_them(lab, tmp_path, by_calls):
    run = in_batches(lab, tmp_path)
    while run.go(waits=False)[0].end is StopReason.AWAY:
        pass
    assert told(run) == by_calls


@pytest.mark.parametrize("step", [40, 61, 90])
def test_a_kill_changes_nothing_of_that(lab, tmp_path, by_calls, step):
    run = in_batches(lab, tmp_path)
    run.kill = Killer(step).step
    was_killed = False
    try:
        run.go()
    except* Crash:
        was_killed = True
    assert was_killed
    run.kill = lambda: None
    assert run.go()[0].end is StopReason.COMPLETE
    assert told(run) == by_calls


def test_without_money_for_that_an_answer_is_judged_as_it_is(lab, tmp_path):
    for jobs in itertools.count(5):
        run = in_batches(lab, tmp_path / str(jobs), cap=lab.dearest_job() * jobs)
        progress, _ = run.go()
        with ledger_of(run.path) as ledger:
            assert lab.unjudged(ledger) == []
            assert run.billed == ledger.balance.settled <= run.cap
            assert all(each.state is ChunkState.ENDED for each in ledger.chunks())
        if progress.end is StopReason.COMPLETE:
            return
        assert progress.end is StopReason.CAP


def test_what_is_judged_as_it_is_stays_so_in_the_next_run(tmp_path):
    """Its judges are away while the next run begins; what they say is paid for, and counts."""
    judge = {
        "name": "compliance",
        "model": MODEL,
        "samples": 1,
        "messages": [{"role": "user", "content": "Was this refused? Answer: {{ output }}"}],
        "sampling": {"max_tokens": 8},
    }
    answer = {"again": 1, "empty": "judged"}
    lab = make(tmp_path / "e", queries=3, judges=[judge], answer=answer)
    for tenths in range(76, 82):
        run = in_batches(
            lab, tmp_path / str(tenths), cap=Money(lab.dearest_job().pico * tenths // 10)
        )
        while run.go(waits=False)[0].end is StopReason.AWAY:
            pass
        with ledger_of(run.path) as ledger:
            assert lab.unjudged(ledger) == []
            assert ledger.balance.held == Money()
            assert run.billed == ledger.balance.settled <= run.cap
