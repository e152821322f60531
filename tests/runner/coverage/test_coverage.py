"""How often ranges held, with the interval that chance alone gives it, by basis."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from afcost.rendering.coverage_view import describe_coverage
from estimator.forecast import RangeOutcome
from pricing.money import Money
from runner.coverage import FinishedRun, StratumOutcome, sum_up_runs
from runner.coverage.coverage import find_share_interval

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def make_runs(basis, *actual):
    for number, each in enumerate(actual):
        total = RangeOutcome(basis, {"q05": 1.0, "q50": 2.0, "q95": 3.0}, Money.from_usd(each))
        free = RangeOutcome(basis, {"q05": 0.0, "q50": 0.0, "q95": 0.0}, Money())
        strata = tuple(
            StratumOutcome("subject", "m", str(n), o) for n, o in enumerate((total, free))
        )
        yield FinishedRun(f"{basis}-{number}", "plan", "study", NOW, total, strata)


@pytest.mark.parametrize(
    ("inside", "of", "low", "high"),
    # Clopper and Pearson (1934), as statsmodels' proportion_confint(method="beta") gives it.
    [
        (9, 10, 0.554984, 0.997471),
        (0, 5, 0.0, 0.521824),
        (10, 10, 0.691503, 1.0),
        (45, 50, 0.781864, 0.966724),
    ],
)
def test_the_interval_of_a_share_is_the_exact_one(inside, of, low, high):
    assert find_share_interval(inside, of) == pytest.approx((low, high), abs=2e-6)


def test_runs_are_counted_by_what_their_forecasts_rested_on():
    runs = [*make_runs("pilot", "2", "3.01", "1"), *make_runs("prior", "0.99")]
    summary = sum_up_runs(runs)
    assert [each.basis for each in summary.by_basis] == ["prior", "pilot"]
    prior, pilot = summary.by_basis
    assert (prior.count, prior.inside, prior.below, prior.above) == (1, 0, 1, 0)
    assert (pilot.count, pilot.inside, pilot.below, pilot.above) == (3, 2, 0, 1)
    assert (summary.runs.count, summary.runs.inside) == (4, 2)
    assert pilot.ratio == 1.0
    # What is free can only come to what was forecast, so it does not count as a hit.
    assert [each.count for each in summary.strata] == [1, 3]


def test_without_runs_there_is_nothing_to_say():
    summary = sum_up_runs([])
    assert (summary.runs, summary.by_basis, summary.strata) == (None, (), ())


@pytest.mark.parametrize(
    ("inside", "outside", "finding", "said"),
    [
        (5, 15, "narrow", "too narrow"),
        (45, 5, "agrees", "That agrees with 90%"),
        (2, 0, "agrees", "Too few runs to tell"),
        (60, 0, "wide", "wider than they need be"),
    ],
)
def test_the_sentence_says_what_the_count_means(inside, outside, finding, said):
    found = sum_up_runs(list(make_runs("pilot", *["2"] * inside, *["4"] * outside))).runs
    assert found.finding == finding
    assert said in describe_coverage(found)
    assert f"held in {inside} of {inside + outside} runs" in describe_coverage(found)
