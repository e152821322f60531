"""A block is done to its end before the next one is chosen, whatever happens to its calls."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.execution import BlockQueue, ResumeState, RunScheduler, StopReason
from runner.pilot.draw import draw_queries
from tests.runner.sample_experiment import (
    AMPLE,
    HASTE,
    SEEDS,
    STEADY,
    STUCK,
    FakeProvider,
    always,
    dice,
    ledger_of,
    local_queue,
    make,
)

QUERIES = 8
SIZES = (2, 1, 3)  # queries of each condition in the blocks


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return make(tmp_path_factory.mktemp("lab"), queries=QUERIES, votes=1)


class Pilot:
    """Blocks of fixed sizes; what is in flight, and what is answered, when each is chosen."""

    def __init__(self, lab, provider, ledger):
        self.draw = draw_queries(lab.requests, "a seed")
        self.provider, self.ledger, self.asked = provider, ledger, 0
        self.in_flight, self.answered, self.open = [], [], []

    def next_block(self):
        self.in_flight.append(self.provider.in_flight)
        self.answered.append(self.ledger.count_answered())
        balance = self.ledger.balance
        self.open.append(balance.reserved + balance.aside)
        if len(self.in_flight) > len(SIZES):
            return []
        first, self.asked = self.asked, self.asked + SIZES[len(self.in_flight) - 1]
        return self.draw.list_places(first, self.asked)

    def find_ended_cells(self):
        return frozenset()

    def describe_end(self):
        return StopReason.PILOT, "so"


def execute(lab, ledger, script, concurrency=4):
    provider = FakeProvider(lab, script)
    pilot = Pilot(lab, provider, ledger)
    ledger.recover_work()
    queue = BlockQueue(local_queue(lab, ledger), pilot)
    running = RunScheduler(
        lab.requests,
        lab.models,
        ledger,
        queue,
        provider,
        resume=ResumeState.from_ledger(ledger),
        concurrency=concurrency,
        retry_policy=HASTE,
    )
    progress = asyncio.run(asyncio.wait_for(running.run(), STUCK))
    return provider, pilot, progress


def check_blocks(lab, path, seed, concurrency):
    with ledger_of(path, AMPLE) as ledger:
        script = dice(seed, busy=0.1, lost=0.1)
        provider, pilot, progress = execute(lab, ledger, script, concurrency)
        assert len(pilot.in_flight) == len(SIZES) + 1
        assert set(pilot.in_flight) == {0}
        assert not any(pilot.open)
        if progress.failed:  # a request was lost each time
            assert progress.end is StopReason.FAILED
            return
        assert progress.end is StopReason.PILOT
        calls = 2 * len(lab.conditions)  # an answer and its judge
        assert pilot.answered == [0, 2 * calls, 3 * calls, 6 * calls]
        of_each = Counter(each.condition for each in provider.answers if each.subject is None)
        assert set(of_each.values()) == {sum(SIZES)}


RUNS = {"seed": SEEDS, "concurrency": st.sampled_from([1, 3, 20])}


@settings(STEADY, max_examples=25)
@given(**RUNS)
def test_the_next_block_is_chosen_when_nothing_is_in_flight(
    lab, tmp_path_factory, seed, concurrency
):
    check_blocks(lab, tmp_path_factory.mktemp("ledger") / "ledger.sqlite", seed, concurrency)


@pytest.mark.faults
@settings(STEADY, max_examples=400)
@given(**RUNS)
def test_the_same_hundreds_of_times(lab, tmp_path_factory, seed, concurrency):
    check_blocks(lab, tmp_path_factory.mktemp("ledger") / "ledger.sqlite", seed, concurrency)


def test_a_second_time_it_sends_nothing(lab, tmp_path):
    with ledger_of(tmp_path / "ledger.sqlite", AMPLE) as ledger:
        execute(lab, ledger, always())
        provider, pilot, progress = execute(lab, ledger, always())
        assert provider.sent == []
        assert len(pilot.in_flight) == len(SIZES) + 1
        assert progress.end is StopReason.PILOT


def test_where_the_provider_is_out_of_money_no_block_follows(lab, tmp_path):
    with ledger_of(tmp_path / "ledger.sqlite", AMPLE) as ledger:
        _, pilot, progress = execute(lab, ledger, always(fate="stop"))
        assert progress.end is StopReason.STOPPED
        assert len(pilot.in_flight) == 1


def test_requests_that_are_refused_for_good_are_named_and_the_pilot_goes_on(lab, tmp_path):
    def script(request, _):
        fate = "refused" if request.subject is None and request.query == 3 else "answered"
        return always(fate=fate)(request, 1)

    with ledger_of(tmp_path / "ledger.sqlite", AMPLE) as ledger:
        _, pilot, progress = execute(lab, ledger, script)
        assert len(pilot.in_flight) == len(SIZES) + 1
        drawn = sum(3 in order[: sum(SIZES)] for order in _queries(lab, pilot.draw))
        assert len(progress.failed) == drawn
        assert progress.end is (StopReason.FAILED if drawn else StopReason.PILOT)


def _queries(lab, draw):
    """Return the order of each condition as numbers of queries."""
    cells = len(lab.requests.cells)
    return [
        [lab.requests.request_at("a seed", turn * cells).query for turn in order]
        for order in draw.orders
    ]
