"""Designs against figures that were computed and simulated elsewhere."""

from __future__ import annotations

import pytest

from estimator.design.choice import JobCost, choose_design, find_cheapest_design
from estimator.design.power import (
    GapVariance,
    find_detectable_gap,
    find_floor,
    sum_quantiles,
)
from experiment.definition import Target

VARIANCE = GapVariance(0.05, (0.084, 0.051))


@pytest.mark.parametrize(("samples", "gap"), [(1, 0.12170), (5, 0.07851), (10, 0.07130)])
def test_gap_that_100_queries_show(samples: int, gap: float) -> None:
    found = find_detectable_gap(VARIANCE, 100, (samples, samples), Target.LIKE_THESE)
    assert round(found, 5) == gap


@pytest.mark.parametrize(
    ("queries", "quantiles"), [(15, 3.01284), (30, 2.89942), (60, 2.84875), (300, 2.81075)]
)
def test_quantiles_of_the_test(queries: int, quantiles: float) -> None:
    assert round(sum_quantiles(queries - 1), 5) == quantiles


def test_60_queries_have_a_floor() -> None:
    assert round(find_floor(VARIANCE, 60), 4) == 0.0822


@pytest.mark.parametrize(
    ("pair", "queries", "target", "size", "points"),
    [
        (0.098, 60, Target.LIKE_THESE, (60, 6), 9.9),
        (0.098, 100, Target.LIKE_THESE, (95, 4), 8.4),
        (0.098, 300, Target.LIKE_THESE, (300, 1), 7.0),
        (0.098, 60, Target.THESE, (60, 6), 5.4),
        (0.098, 300, Target.THESE, (127, 3), 5.3),
        (0.049, 60, Target.LIKE_THESE, (60, 12), 9.1),
        (0.049, 100, Target.LIKE_THESE, (100, 7), 7.4),
        (0.049, 300, Target.LIKE_THESE, (255, 3), 5.4),
        (0.049, 300, Target.THESE, (255, 3), 3.7),
    ],
)
def test_best_design_for_50_dollars(
    pair: float, queries: int, target: Target, size: tuple[int, int], points: float
) -> None:
    found = choose_design(VARIANCE, JobCost(pair), 37.5, queries, target)
    assert found is not None
    assert (found.queries, found.samples, round(100 * found.gap, 1)) == (*size, points)
    assert found.cost <= 37.5


def test_cheapest_design_for_a_gap_shows_it_and_no_cheaper_one_does() -> None:
    cost = JobCost(0.04)
    found = find_cheapest_design(VARIANCE, cost, 0.05, 300, Target.LIKE_THESE)
    assert found is not None
    assert found.gap <= 0.05
    cheaper = choose_design(VARIANCE, cost, found.cost - 0.01, 300, Target.LIKE_THESE)
    assert cheaper is not None
    assert cheaper.gap > 0.05


def test_no_design_shows_less_than_the_floor() -> None:
    floor = find_floor(VARIANCE, 60)
    assert find_cheapest_design(VARIANCE, JobCost(0.01), floor, 60, Target.LIKE_THESE) is None


def test_a_budget_below_two_pairs_pays_for_none() -> None:
    assert choose_design(VARIANCE, JobCost(0.04), 0.07, 300, Target.LIKE_THESE) is None


def test_no_design_shows_a_gap_of_more_than_100_points() -> None:
    """Four queries asked once would take a gap of 111 points, and rates are between 0 and 1."""
    assert find_detectable_gap(VARIANCE, 4, (1, 1), Target.LIKE_THESE, 2) > 1
    assert choose_design(VARIANCE, JobCost(1.0), 4.5, 4, Target.LIKE_THESE, 2) is None
    found = choose_design(VARIANCE, JobCost(1.0), 8.5, 8, Target.LIKE_THESE, 2)
    assert found is not None
    assert found.gap <= 1


def test_these_queries_take_three_samples() -> None:
    with pytest.raises(ValueError, match="2 samples"):
        find_detectable_gap(VARIANCE, 100, (2, 3), Target.THESE)
