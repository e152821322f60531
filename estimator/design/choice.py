"""Designs: queries x samples that show the least gap for a budget, or a gap for the least money.

An experiment has as many samples of a query in one condition as in the other, so a design is two
whole numbers. The money of a design is what its jobs are likely to cost, and what each query costs
whatever its samples are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from estimator.design.power import (
    LEAST_SAMPLES_FOR_THESE,
    GapVariance,
    find_detectable_gap,
)
from experiment.definition import Target

MOST_SAMPLES = 100  # of a query in a condition; more of them show next to nothing more
MOST_QUERIES = 1_000_000
_LEAST_QUERIES = 2


@dataclass(frozen=True, slots=True)
class JobCost:
    """What a design's jobs cost in US dollars.

    Attributes:
        pair: one sample of a query under both conditions, judges included.
        query: of each query besides, whatever its samples are.
    """

    pair: float
    query: float = 0.0

    def of_design(self, queries: int, samples: int) -> float:
        """Return what all jobs of a design cost."""
        return queries * (self.query + samples * self.pair)


@dataclass(frozen=True, slots=True)
class Design:
    """Queries x samples, and the gap that they show.

    Attributes:
        queries: how many.
        samples: of each, in each condition.
        gap: the least one that is found with 80 % power at 5 %, from 0 to 1.
        cost: US dollars.
    """

    queries: int
    samples: int
    gap: float
    cost: float


def choose_design(  # noqa: PLR0913 - what varies, what it costs, and what is wanted
    variance: GapVariance,
    cost: JobCost,
    budget: float,
    queries: int | None,
    target: Target,
    gaps: int = 1,
) -> Design | None:
    """Return the design that shows the least gap for a budget; of equal ones the cheapest.

    Args:
        variance: of the answers.
        cost: of the jobs; above 0.
        budget: US dollars.
        queries: how many there are; None for as many as are wanted. A result about these queries
            takes as many of them as it can.
        target: what the result is about.
        gaps: how many are tested together.

    Returns:
        None where the budget pays for no design that shows a gap.
    """
    least = _find_least_samples(target)
    most = MOST_QUERIES if queries is None else queries
    everyone = min(most, int(budget / cost.of_design(1, least)))

    def find_most_queries(samples: int) -> int:
        paid = min(most, int(budget / cost.of_design(1, samples)))
        return paid if target is Target.LIKE_THESE or paid == everyone else 0

    sizes = ((find_most_queries(samples), samples) for samples in range(least, MOST_SAMPLES + 1))
    found = _make_designs(sizes, variance, cost, target, gaps)
    possible = (each for each in found if each.gap <= 1)  # rates are never further apart
    return min(possible, key=lambda each: (each.gap, each.cost), default=None)


def find_cheapest_design(  # noqa: PLR0913 - as above
    variance: GapVariance,
    cost: JobCost,
    gap: float,
    queries: int | None,
    target: Target,
    gaps: int = 1,
) -> Design | None:
    """Return the cheapest design that shows a gap; None where so many queries cannot show it.

    Args:
        variance: of the answers.
        cost: of the jobs.
        gap: from 0 to 1.
        queries: how many there are; None for as many as are wanted. A result about these queries
            takes all of them.
        target: what the result is about.
        gaps: how many are tested together.
    """
    if target is Target.THESE and queries is None:
        return None  # which queries it is about must be known
    most = MOST_QUERIES if queries is None else queries

    def find_least_queries(samples: int) -> int:
        if target is Target.THESE:
            return most
        return _LEAST_QUERIES + bisect_left(
            range(_LEAST_QUERIES, most + 1),
            -gap,
            key=lambda n: -find_detectable_gap(variance, n, (samples, samples), target, gaps),
        )

    numbers = range(_find_least_samples(target), MOST_SAMPLES + 1)
    sizes = ((n, samples) for samples in numbers if (n := find_least_queries(samples)) <= most)
    found = _make_designs(sizes, variance, cost, target, gaps)
    enough = (each for each in found if each.gap <= gap)
    return min(enough, key=lambda each: (each.cost, each.gap), default=None)


def _find_least_samples(target: Target) -> int:
    return LEAST_SAMPLES_FOR_THESE if target is Target.THESE else 1


def _make_designs(
    sizes: Iterable[tuple[int, int]],
    variance: GapVariance,
    cost: JobCost,
    target: Target,
    gaps: int,
) -> Iterator[Design]:
    """Yield the designs of so many queries x samples, where they are any."""
    for queries, samples in sizes:
        if queries >= _LEAST_QUERIES:
            gap = find_detectable_gap(variance, queries, (samples, samples), target, gaps)
            yield Design(queries, samples, gap, cost.of_design(queries, samples))
