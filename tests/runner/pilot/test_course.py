"""When a pilot looks, when it stops, and what it sends until then."""

import numpy as np
import pytest

from estimator.forecast import PooledCost
from pricing.money import Money
from runner.execution import StopReason
from runner.pilot.course import PilotCourse, PilotGoal
from runner.pilot.draw import PilotDraw
from runner.pilot.look import Look

CELLS, QUERIES = 3, 40
CENT = Money.from_usd("0.01")


def wide(queries):
    return Look(queries, CELLS * queries, Money(), PooledCost(1.0, 4.0, 10.0))


def narrow(queries):
    return Look(queries, CELLS * queries, Money(), PooledCost(1.0, 0.0001, 10.0))


def unknown(queries):
    return Look(queries, queries, Money(), None)


class Study:
    """A pilot whose every job costs a cent at most, and exactly that where it is paid."""

    def __init__(self, look=wide, *, cents=10_000, done=(), **goal):
        self.cents, self.done = cents, set(done)
        draw = PilotDraw(tuple(tuple(range(QUERIES)) for _ in range(CELLS)))
        self.course = PilotCourse(
            draw,
            PilotGoal(**goal),
            lambda place: None if place in self.done else CENT,
            lambda: Money(self.cents * CENT.pico),
            look,
        )

    def run(self):
        """Run it; return how many queries of each were in each block."""
        sizes = []
        while places := self.course.next_block():
            assert len(places) % CELLS == 0
            sizes.append(len(places) // CELLS)
            self.cents -= len(set(places) - self.done)
        return sizes


def test_it_goes_on_in_blocks_of_five_up_to_the_most():
    study = Study(most=23)
    assert study.run() == [5, 5, 5, 5, 3]
    assert [look.queries for look in study.course.looks] == [5, 10, 15, 20, 23]
    assert study.course.describe_end() == (
        StopReason.PILOT,
        "it has asked 23 queries of each stratum, the most it may",
    )


def test_it_stops_at_the_first_look_that_is_narrow_enough():
    study = Study(lambda k: narrow(k) if k >= 10 else wide(k))
    assert study.run() == [5, 5]
    assert study.course.reason == "the range is narrow enough after 10 queries of each stratum"


@pytest.mark.parametrize("width", [0.01, 0.05, 0.3])
def test_it_stops_by_half_of_the_90_percent_range_relative_to_its_median(width):
    cost = PooledCost(2.0, (2.0 * width / 1.645) ** 2, 1e6)  # nearly a normal distribution
    look = Look(5, 15, Money(), cost)
    assert look.width == pytest.approx(width, rel=0.05)
    assert look.is_within(width * 1.1)
    assert not look.is_within(width * 0.9)


def test_what_is_known_exactly_and_what_is_paid_have_no_part_in_the_width():
    left = PooledCost(2.0, 0.5, 12.0)
    assert Look(5, 15, Money.from_usd("7"), left).width == Look(5, 15, Money(), left).width


def test_without_answers_of_some_stratum_no_range_is_narrow():
    study = Study(unknown, most=10)
    assert study.run() == [5, 5]
    assert study.course.end is StopReason.PILOT
    assert study.course.looks[-1].width is None


def test_a_block_is_as_large_as_the_cap_covers_and_always_equal_counts():
    study = Study(cents=CELLS * 7 + 2)
    assert study.run() == [5, 2]
    end, reason = study.course.describe_end()
    assert end is StopReason.CAP
    assert reason == ("the next query of each stratum may cost $0.03, but only $0.02 is free")
    assert [look.queries for look in study.course.looks] == [5, 7]


def test_a_cap_for_fewer_than_five_queries_still_ends_with_a_look():
    study = Study(cents=CELLS * 3)
    assert study.run() == [3]
    assert study.course.end is StopReason.CAP
    assert [look.queries for look in study.course.looks] == [3]


def test_a_cap_for_nothing_sends_nothing():
    study = Study(cents=CELLS - 1)
    assert study.run() == []
    assert study.course.end is StopReason.CAP
    assert study.course.looks == []


def test_what_is_answered_needs_no_money_and_is_looked_at_block_by_block_again():
    study = Study(cents=CELLS * 5, done=range(CELLS * 10), most=15)
    assert study.run() == [5, 5, 5]
    assert study.cents == 0
    assert [look.queries for look in study.course.looks] == [5, 10, 15]


def test_fewer_queries_than_five_are_all_of_them():
    study = Study(narrow)
    study.course.draw = PilotDraw(tuple((0, 1) for _ in range(CELLS)))
    assert study.run() == [2]
    assert study.course.looks[-1].queries == 2


def test_a_pilot_of_all_there_is_completes_the_run():
    study = Study()
    study.course.draw = PilotDraw(tuple((0, 1) for _ in range(CELLS)))
    study.run()
    assert study.course.describe_end() == (StopReason.COMPLETE, "")
    sampled = Study()
    sampled.course.draw = PilotDraw(tuple((0, 1) for _ in range(CELLS)), samples=2)
    sampled.run()
    assert sampled.course.describe_end()[0] is StopReason.PILOT


def test_a_cap_below_what_is_spent_asks_nothing_more_and_looks_at_what_is_answered():
    study = Study(cents=-1, done=range(CELLS * 7))
    assert study.run() == [5, 2]
    assert study.course.end is StopReason.CAP
    assert study.course.reason == (
        "the next query of each stratum may cost $0.03, but only $0.00 is free"
    )
    assert [look.queries for look in study.course.looks] == [5, 7]


def test_a_pilot_of_a_complete_run_leaves_it_complete():
    jobs = QUERIES * CELLS
    assert Study(done=range(jobs)).run() == [5] * 5
    for done, end in ((jobs, StopReason.COMPLETE), (jobs - 1, StopReason.PILOT)):
        study = Study(done=range(done))
        study.run()
        assert study.course.describe_end()[0] is end


def test_a_look_as_json_has_the_range_of_what_is_left():
    told = Look(5, 15, Money.from_usd("0.5"), PooledCost(1.0, 0.0, np.inf)).to_json()
    assert told == {
        "queries": 5,
        "calls": 15,
        "paid_usd": "0.50",
        "left_output_usd": {"q05": "1.00", "q50": "1.00", "q95": "1.00"},
        "width": 0.0,
    }
    assert unknown(5).to_json()["width"] is None
