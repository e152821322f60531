"""What a cap below the likely cost reaches, by the order of work."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from estimator.design import ASSUMED, find_detectable_gap, find_reach
from estimator.plan import Estimate, estimate_experiment
from experiment.definition import Overrides, Target
from pricing.money import Money

DAY = date(2026, 11, 21)


@pytest.fixture(scope="module")
def estimate() -> Estimate:
    overrides = Overrides(("claude-sonnet-4.5",), samples=3)
    return estimate_experiment("builtin:alignment-faking", DAY, overrides)


def test_a_cap_that_likely_covers_the_plan_says_nothing(estimate: Estimate) -> None:
    likely = estimate.plan.total.mean
    assert find_reach(estimate.plan, estimate.experiment, Money.from_usd("99"), likely) is None


@pytest.mark.parametrize(
    ("share", "queries", "samples"), [(0.2, 35, 1), (0.4, 60, 1), (0.8, 60, 2), (0.001, 0, 1)]
)
def test_second_samples_come_after_every_query_had_its_first(
    estimate: Estimate, share: float, queries: int, samples: int
) -> None:
    likely = estimate.plan.total.mean
    cap = Money.from_usd(f"{likely * share:.6f}")
    reach = find_reach(estimate.plan, estimate.experiment, cap, likely)
    assert reach is not None
    assert (reach.queries, reach.samples) == (queries, samples)
    assert (reach.of_queries, reach.of_samples) == (60, 3)
    if queries:
        two_cells = (ASSUMED.variance, queries, (samples, samples), Target.LIKE_THESE, 2)
        assert reach.gap == find_detectable_gap(*two_cells)
        assert reach.whole_gap is not None
        assert reach.whole_gap < reach.gap
    else:
        assert reach.gap is None


def test_what_is_answered_counts_and_is_not_paid_again(estimate: Estimate) -> None:
    half = estimate.plan.total.mean / 2
    cap = Money.from_usd(f"{half * 0.99:.6f}")
    reach = find_reach(estimate.plan, estimate.experiment, cap, half, answered=0.5)
    assert reach is not None
    assert (reach.queries, reach.samples) == (60, 2)


def test_a_sequential_test_completes_one_query_after_the_other(estimate: Estimate) -> None:
    spec = estimate.experiment.spec
    looks = type(spec).model_validate(spec.to_stored() | {"sequential": {"looks": 5}})
    experiment = replace(estimate.experiment, spec=looks)
    likely = estimate.plan.total.mean
    cap = Money.from_usd(f"{likely * 0.4:.6f}")
    reach = find_reach(estimate.plan, experiment, cap, likely)
    assert reach is not None
    assert (reach.queries, reach.samples) == (23, 3)
