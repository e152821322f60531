"""The pace of a run, and how long its rest takes."""

from __future__ import annotations

import pytest

from estimator.wall_time import Speed
from estimator.workload import StratumKey
from runner.timing import RunPace, TimeLeft, find_time_left

KEY = StratumKey("subject", "m", "free")
JUDGE = StratumKey("compliance", "j", "free")
SPEEDS = {"m": Speed(0.0, 0.01, 0.5, "prior", ""), "j": Speed(1.0, 0.0, 0.5, "prior", "")}


def answer(pace, number, start=0.0, seconds=2.0, places=4, output=100):
    """Answer calls, so many at a time; return when the last one is."""
    now = start
    for first in range(0, number, places):
        calls = [f"{start}-{n}" for n in range(first, min(first + places, number))]
        for call in calls:
            pace.begin(call, now)
        now += seconds
        for call in calls:
            pace.finish(call, now, KEY, output)
    return now


def test_the_rest_takes_as_long_as_what_was_done_of_the_same():
    pace = RunPace(SPEEDS)
    now = answer(pace, 40)
    assert pace.measure(now).rate == pytest.approx(40 * 1.0 / 20)
    left = find_time_left(pace, [(KEY, 80, 55.0)], now)
    # A call takes two seconds; what is left of one is half of that, and the last of four is waited
    # for: ln 4 + (0.577 - 1) (1 - 1 / 4).
    last = 1.0692
    assert left.likely == pytest.approx(40.0 + last, abs=1e-3)
    assert left.low < left.likely < left.high
    longer = find_time_left(pace, [(KEY, 80, 55.0), (JUDGE, 80, 10.0)], now)
    # A verdict is as much work as an answer here.
    assert longer.likely == pytest.approx(80.0 + last, abs=1e-3)


def test_it_is_too_early_before_ten_answers_and_nothing_is_left_at_the_end():
    pace = RunPace(SPEEDS)
    now = answer(pace, 9)
    assert find_time_left(pace, [(KEY, 10, 100.0)], now) is None
    pace.begin("tenth", now)
    pace.finish("tenth", now + 1, KEY, 100)
    assert find_time_left(pace, [(KEY, 10, 100.0)], now) is not None
    assert find_time_left(pace, [(KEY, 0, 100.0)], now) is None


def test_a_pause_is_left_out_and_what_a_limit_delays_is_not():
    steady, paused, limited = (RunPace(SPEEDS) for _ in range(3))
    answer(steady, 80)
    answer(paused, 40)
    end = answer(paused, 40, start=3600.0)
    assert paused.measure(end).rate == pytest.approx(steady.measure(40.0).rate)
    now = 0.0
    asked = RunPace(SPEEDS)
    asked.leave_out([(10.0, 12.0), (21.0, 45.0)])  # of the first, calls are in flight
    answer(asked, 40)
    end = answer(asked, 40, start=46.0)
    assert asked.measure(end).rate == pytest.approx(
        60 / 32
    )  # of the last half minute, and two seconds
    for _ in range(30):  # one call of two seconds, in each ten
        now = answer(limited, 1, start=now, places=1) + 8
    assert limited.measure(now).rate == pytest.approx(1 / 10, rel=0.05)


def test_the_last_minutes_count():
    pace = RunPace(SPEEDS)
    now = answer(pace, 400, seconds=10.0)
    now = answer(pace, 2000, start=now, seconds=1.0)
    assert pace.measure(now).rate == pytest.approx(4.0, rel=0.02)


def test_a_call_that_hangs_slows_it_and_unanswered_calls_count_for_nothing():
    pace = RunPace(SPEEDS)
    now = answer(pace, 40)
    pace.begin("hangs", now)
    assert pace.measure(now + 20).rate == pytest.approx(40 / 40)
    pace.finish("hangs", now + 20)
    pace.finish("never begun", now + 20, KEY, 100)
    assert pace.measure(now + 20).answers == 40


def test_while_slow_start_goes_on_it_is_too_early():
    pace = RunPace(SPEEDS)
    now = answer(pace, 30, places=1)
    assert pace.measure(now) is not None
    for places in (2, 4, 8):
        now = answer(pace, places, start=now + places / 100, places=places)
        assert pace.measure(now) is None
    now = answer(pace, 16, start=now + 1, places=8)
    assert pace.measure(now).rate == pytest.approx(4.0, rel=0.3)


def test_near_the_end_it_is_as_long_as_an_answer_and_its_verdict():
    pace = RunPace(SPEEDS)
    now = answer(pace, 40)
    left = find_time_left(pace, [(KEY, 1, 100.0), (JUDGE, 1, 5.0)], now)
    assert left.likely >= 1.0 + 2.0  # half an answer, and a verdict


@pytest.mark.parametrize(
    "data",
    [
        {"low": 2, "likely": 1, "high": 3},
        {"low": -1, "likely": 1, "high": 3},
        {"low": "x", "likely": 1, "high": 3},
    ],
)
def test_what_was_kept_is_read_back_and_anything_else_is_refused(data):
    kept = TimeLeft(3.6, 36.0, 360.0)
    assert TimeLeft.from_json(kept.to_json()) == kept
    assert TimeLeft.from_json(None) is None
    with pytest.raises(ValueError, match=r"no time|could not convert"):
        TimeLeft.from_json(data)
