"""What is warned of: a drift out of the approved range, and how much of the cap is spent, once."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from afcost.rendering.running.live_line import (
    describe_live,
    describe_looks,
    describe_time_left,
)
from estimator.forecast import CostRange, PooledCost
from pricing.money import Money
from runner.control import open_notes
from runner.forecasting import (
    LiveCost,
    LiveResult,
    LiveState,
    LiveView,
    list_warnings,
    view_result,
)
from runner.launch.live_notes import read_live_note, write_live_note
from runner.ledger import Balance, FileLocation
from runner.timing import TimeLeft

USD = Money.from_usd("1").pico
APPROVED = CostRange(mean=11.0, q05=8.0, q50=10.0, q95=14.0, ceiling=Money(100 * USD))
NOW = "2026-11-27T12:00:00+00:00"
VIEW = LiveView(NOW, LiveState.HOLDS, 50, 4, 50.0, 10.0, 7.0, 8.0, 13.0, 15.0, 0.02)


def balance(settled=0.0, held=0.0, cap=100.0):
    amounts = (cap, settled, held)
    return Balance(*(Money(round(each * USD)) for each in amounts), Money(), Money())


def keys(view=VIEW, of=None):
    return [each.key for each in list_warnings(view, APPROVED, of or balance())]


def test_a_drift_is_one_of_the_98_percent_band_not_of_the_90_percent_range():
    assert keys(replace(VIEW, q05=14.5, q01=13.9)) == []
    assert keys(replace(VIEW, q05=15.0, q01=14.1)) == [], "less than 1 % is no drift"
    assert keys(replace(VIEW, q05=15.0, q01=14.2)) == ["drift: more than 8 to 14"]
    assert keys(replace(VIEW, q95=7.5, q99=8.1)) == []
    assert keys(replace(VIEW, q95=7.0, q99=7.9)) == ["drift: less than 8 to 14"]
    assert keys(LiveView(NOW, LiveState.EARLY, 3, 4, 97.0, 10.0, q05=8.0, q95=14.0)) == []


def test_batches_in_the_place_of_calls_are_no_drift():
    less = replace(VIEW, q95=7.0, q99=7.9)
    assert not list_warnings(less, APPROVED, balance(), is_cheaper=True)


def test_what_a_sequential_test_left_out_is_no_drift():
    less = replace(VIEW, q95=7.0, q99=7.9, not_asked=40.0)
    assert keys(less) == []
    assert keys(replace(less, q01=14.2, q05=15.0, q95=16.0, q99=17.0)) == [
        "drift: more than 8 to 14"
    ]


@pytest.mark.parametrize(
    ("settled", "held", "level"), [(49.9, 0, None), (30, 20, 50), (80, 0, 80), (96, 0, 95)]
)
def test_half_four_fifths_and_nearly_all_of_the_cap_are_warned_of(settled, held, level):
    found = [each for each in keys(of=balance(settled, held)) if "of $100" in each]
    assert found == ([f"{level} % of $100.00"] if level else [])


def test_each_warning_is_given_once_also_after_a_restart(tmp_path):
    location = FileLocation(tmp_path / "ledger.sqlite")

    def warn(settled, cap=100.0, view=VIEW, approved=APPROVED):
        with open_notes(location) as notes:  # a process of its own
            of = balance(settled, cap=cap)
            return write_live_note(notes, view, list_warnings(view, approved, of))

    assert warn(10) == []
    assert warn(85) == ["80% of the cap $100.00 is spent: $85.00"]
    assert warn(85) == []
    assert warn(60) == [], "50 % is less than was warned of"
    far = replace(VIEW, q01=20.0)
    assert len(warn(96, view=far)) == 2
    assert warn(96, view=far) == []
    assert len(warn(96, view=far, approved=replace(APPROVED, q95=15.0))) == 1, "of another plan"
    assert warn(120, cap=200.0) == ["50% of the cap $200.00 is spent: $120.00"]
    with open_notes(location) as notes:
        note = read_live_note(notes)
    assert note.view == VIEW
    assert [bool(each.text) for each in note.warnings].count(True) == 5


def test_a_view_is_kept_and_one_of_before_had_no_sequential_test():
    view = replace(VIEW, not_asked=12.5, next_look=30)
    assert LiveView.from_json(view.to_json()) == view
    before = VIEW.to_json()
    del before["not_asked"], before["next_look_at"]
    assert LiveView.from_json(before) == VIEW


@pytest.mark.parametrize("not_asked", [0.0, 12_345.6])
@pytest.mark.parametrize("next_look", [None, 10, 12_345])
@pytest.mark.parametrize("state", LiveState)
def test_what_is_said_of_looks_fits_in_80_columns_and_stands_once(not_asked, next_look, state):
    view = replace(VIEW, state=state, not_asked=not_asked, next_look=next_look)
    said = describe_looks(view)
    assert len(said) == (not_asked > 0) + (next_look is not None)
    assert all(len(line) <= 80 for line in said)
    assert ("may end it" in " ".join(said)) == (next_look is not None)
    assert "look" not in describe_live(view, balance())


def test_a_note_that_was_damaged_is_none(tmp_path):
    location = FileLocation(tmp_path / "ledger.sqlite")
    wrong = ({"settled": math.inf}, {"likely_usd": "1e999"}, {"left": math.nan}, {"q05_usd": "nan"})
    figures = [json.dumps({"view": VIEW.to_json() | each}) for each in wrong]
    odd = '{"view": {"state": "odd"}, "warnings": [1]}'
    for text in ("", "[]", "{}", odd, '{"view": 3}', "[" * 10_000, *figures):
        (tmp_path / "live.json").write_text(text)
        with open_notes(location) as notes:
            assert read_live_note(notes).view is None
            assert write_live_note(notes, VIEW, []) == []
            assert read_live_note(notes).view == VIEW


def test_the_chance_of_costing_more_than_the_cap_counts_what_is_no_part_of_the_plan():
    cost = LiveCost(PooledCost(mean=10.0, variance=4.0, df=20.0, certain=5.0))
    result = LiveResult(LiveState.HOLDS, cost, 50, 4, 50.0)
    paid = Money(5 * USD)
    alone = view_result(result, NOW, APPROVED, balance(5, cap=16), paid)
    beside = view_result(result, NOW, APPROVED, balance(8, held=1, cap=20), paid)
    assert alone.over_cap == pytest.approx(cost.chance_above(16.0))
    assert beside.over_cap == pytest.approx(alone.over_cap)
    assert alone.likely == cost.mean == 15.0  # likely is the mean, as in an estimate


def test_before_it_holds_the_plan_stands_and_near_the_end_there_is_no_range():
    early = view_result(
        LiveResult(LiveState.EARLY, None, 3, 4, 97.0), NOW, APPROVED, balance(), Money()
    )
    assert (early.likely, early.q05, early.q95, early.over_cap) == (11.0, 8.0, 14.0, None)
    stopped = LiveResult(LiveState.EARLY, None, 3, 4, 50.0, not_asked=47.0)
    early = view_result(stopped, NOW, APPROVED, balance(), Money())
    assert (early.likely, early.q05, early.q95) == (None, None, None), "the plan is of the whole"
    ending = view_result(
        LiveResult(LiveState.ENDING, None, 97, 3, 3.0), NOW, APPROVED, balance(), Money()
    )
    assert (ending.likely, ending.q05, ending.q95) == (None, None, None)


def test_how_long_the_rest_takes_is_kept_and_said_or_that_it_is_too_early():
    left = TimeLeft(96.0, 120.0, 7200.0)
    view = replace(VIEW, time_left=left)
    assert view.to_json()["hours_left"] == {"low": 0.02667, "likely": 0.03333, "high": 2.0}
    again = LiveView.from_json(json.loads(json.dumps(view.to_json())))
    assert again is not None
    assert again.time_left.high == 7200.0
    assert describe_time_left(view) == "time left: likely 2.0 min, 90% 1.6 min – 2.0 h"
    assert VIEW.to_json()["hours_left"] is None
    assert describe_time_left(VIEW) == "time left: too early to say"
    broken = view.to_json() | {"hours_left": {"low": 3, "likely": 2, "high": 1}}
    assert LiveView.from_json(broken) is None
