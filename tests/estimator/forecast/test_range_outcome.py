"""A forecast beside what it came to: which of its ranges held."""

from __future__ import annotations

import pytest

from estimator.forecast import CostRange, RangeOutcome, compare_with_range, join_bases
from pricing.money import Money

ALL = {"q025": 1.0, "q05": 2.0, "q25": 4.0, "q50": 5.0, "q75": 6.0, "q95": 8.0, "q975": 9.0}


@pytest.mark.parametrize(
    ("actual", "held"),
    [
        ("5", {"50": True, "90": True, "95": True}),
        ("4", {"50": True, "90": True, "95": True}),
        ("3.99", {"50": False, "90": True, "95": True}),
        ("8", {"50": False, "90": True, "95": True}),
        ("8.01", {"50": False, "90": False, "95": True}),
        ("1.5", {"50": False, "90": False, "95": True}),
        ("9.01", {"50": False, "90": False, "95": False}),
    ],
)
def test_a_cost_is_inside_a_range_with_its_ends(actual, held):
    assert RangeOutcome("pilot", ALL, Money.from_usd(actual)).list_levels() == held


def test_a_plan_of_before_has_a_range_of_90_percent_alone():
    ends = {name: ALL[name] for name in ("q05", "q50", "q95")}
    outcome = RangeOutcome("prior", ends, Money.from_usd("3"))
    assert outcome.list_levels() == {"90": True}
    assert outcome.is_inside(50) is None


def test_a_planned_cost_keeps_the_quantiles_that_it_has():
    planned = CostRange(5.0, 2.0, 5.0, 8.0, Money.from_usd("20"))
    found = compare_with_range(planned, Money.from_usd("9"), "history")
    assert {name: found.quantiles[name] for name in ("q05", "q50", "q95")} == {
        "q05": 2.0,
        "q50": 5.0,
        "q95": 8.0,
    }
    assert (found.basis, found.is_inside(90), found.has_range) == ("history", False, True)


def test_likely_is_the_mean_as_in_the_plan_and_the_median_where_that_was_not_kept():
    planned = CostRange(6.0, 2.0, 5.0, 8.0, Money.from_usd("20"))
    assert compare_with_range(planned, Money.from_usd("9"), "prior").likely == 6.0
    assert RangeOutcome("prior", ALL, Money.from_usd("9")).likely == 5.0


def test_what_is_free_has_no_range():
    assert not RangeOutcome("prior", dict.fromkeys(ALL, 0.0), Money()).has_range


@pytest.mark.parametrize(
    ("bases", "joined"),
    [({"pilot"}, "pilot"), ({"pilot", "prior"}, "mixed"), (["prior", "prior"], "prior")],
)
def test_the_basis_of_a_sum_is_that_of_its_parts_if_they_agree(bases, joined):
    assert join_bases(bases) == joined
