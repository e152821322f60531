"""Curves of a design: which gap is found for how much money, with so many queries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from estimator.design.choice import MOST_QUERIES, MOST_SAMPLES, Design, JobCost
from estimator.design.power import LEAST_SAMPLES_FOR_THESE, find_detectable_gap
from estimator.design.table import QUERY_COUNTS, Choice
from experiment.definition import Target

_SAMPLES = (1, 2, 3, 4, 6, 8, 12, 17, 25, 35, 50, 70, MOST_SAMPLES)
_LEAST_QUERIES, _GROWTH, _BEYOND = 10, 1.6, 10  # of a curve along queries


@dataclass(frozen=True, slots=True)
class Curve:
    """Designs of one choice of models and cells, from the cheapest to the most expensive.

    Attributes:
        choice: the models and cells.
        target: what the result is about.
        queries: how many each design asks, with more and more samples; None where each asks more
            queries, with one sample.
        designs: at least two.
    """

    choice: Choice
    target: Target
    queries: int | None
    designs: tuple[Design, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; money in US dollars, gaps from 0 to 1."""
        return {
            "models": list(self.choice.models),
            "within": list(self.choice.within),
            "target": self.target.value,
            "queries": self.queries,
            "points": [
                {
                    "queries": each.queries,
                    "samples": each.samples,
                    "gap": each.gap,
                    "likely_usd": f"{each.cost:.6f}",
                    "q95_usd": f"{each.cost * self.choice.range_factor:.6f}",
                }
                for each in self.designs
            ],
        }


def find_curves(choices: Sequence[Choice], queries: int) -> tuple[Curve, ...]:
    """Return the curves of each choice: one for each number of queries, and one along them.

    Args:
        choices: of models and cells.
        queries: how many the experiment has, or will have; a result about these alone has one
            curve, of all of them.
    """
    curves = []
    for choice in choices:
        counts = sorted({queries, *QUERY_COUNTS})
        curves += [_follow_samples(choice, count, Target.LIKE_THESE) for count in counts]
        most = max(queries, *QUERY_COUNTS) * _BEYOND
        curves.append(_follow_queries(choice, min(most, MOST_QUERIES)))
        curves.append(_follow_samples(choice, queries, Target.THESE))
    return tuple(curve for curve in curves if len(curve.designs) > 1)


def _follow_samples(choice: Choice, queries: int, target: Target) -> Curve:
    least = LEAST_SAMPLES_FOR_THESE if target is Target.THESE else 1
    sizes = ((queries, samples) for samples in _SAMPLES if samples >= least and queries > 1)
    return Curve(choice, target, queries, tuple(_make_designs(choice, sizes, target)))


def _follow_queries(choice: Choice, most: int) -> Curve:
    sizes = ((count, 1) for count in _grow(most))
    designs = tuple(_make_designs(choice, sizes, Target.LIKE_THESE))
    return Curve(choice, Target.LIKE_THESE, None, designs)


def _make_designs(
    choice: Choice, sizes: Iterator[tuple[int, int]], target: Target
) -> Iterator[Design]:
    """Yield designs that find a gap which rates can have."""
    cost, variance = JobCost(choice.likely), choice.outcomes.variance
    for queries, samples in sizes:
        gap = find_detectable_gap(variance, queries, (samples, samples), target, choice.gaps)
        if gap <= 1:
            yield Design(queries, samples, gap, cost.of_design(queries, samples))


def _grow(most: int) -> Iterator[int]:
    count = float(_LEAST_QUERIES)
    while count < most:
        yield round(count)
        count *= _GROWTH
    yield most
