"""Differences of gaps: whether a gap is larger at one level of another factor than at another.

Such as whether the gap between the tiers is larger with written reasoning than without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from experiment.analysis.cells import QuerySums
from experiment.analysis.comparisons import CrossedCells
from experiment.analysis.evidence import describe_evidence, find_evidence
from experiment.analysis.gaps import (
    ComplianceGap,
    compute_fixed_gap,
    correct_gaps,
    estimate_gap,
    list_pairs,
    spread_over_queries,
    subtract_queries,
)
from experiment.definition import Target

_LARGEST = 2.0  # from a gap of -1 to one of 1


@dataclass(frozen=True, slots=True)
class GapDifference:
    """By how much a model's gap is larger at one level of a factor than at another.

    Attributes:
        model: as the experiment writes it.
        factor: which has these levels.
        of: the two levels that the gap is between.
        difference: the gap at the first of `difference.between` minus that at the second.
    """

    model: str
    factor: str
    of: tuple[str, str]
    difference: ComplianceGap


def compare_gaps(crossed: CrossedCells, compared: str, factor: str) -> tuple[GapDifference, ...]:
    """Compare each model's gap between the first two levels of a factor over another's levels.

    Args:
        crossed: all cells.
        compared: the factor that the gap is of; it has two levels or more.
        factor: another one.
    """
    of = crossed.factors[compared][:2]
    places = [
        (model, pair) for model in crossed.models for pair in list_pairs(crossed.factors[factor])
    ]
    found = [_subtract_gaps(crossed, compared, factor, place) for place in places]
    corrected = correct_gaps(found)
    tested = sum(gap.p is not None for gap in corrected)
    return tuple(
        GapDifference(model, factor, (of[0], of[1]), _describe(gap, model, tested))
        for (model, _), gap in zip(places, corrected, strict=True)
    )


def _subtract_gaps(
    crossed: CrossedCells, compared: str, factor: str, place: tuple[str, tuple[str, str]]
) -> ComplianceGap:
    """Return a model's gap at one level of a factor minus that at another, over all other cells."""
    model, pair = place
    if crossed.target is Target.THESE:
        cells = [
            (sign, sums)
            for sign, level in zip((1.0, -1.0), pair, strict=True)
            for sums in _list_sums(crossed, model, compared, (factor, level))
        ]
        return compute_fixed_gap(pair, cells, largest=_LARGEST)
    sides = [_list_differences(crossed, model, compared, (factor, level)) for level in pair]
    weights = [sign / len(side) for sign, side in zip((1, -1), sides, strict=True) for _ in side]
    both = [*sides[0], *sides[1]] if all(sides) else []
    spread = spread_over_queries(both, weights if both else [])
    return estimate_gap(pair, spread, largest=_LARGEST)


def _list_differences(
    crossed: CrossedCells, model: str, compared: str, at: tuple[str, str]
) -> list[dict[int, float]]:
    """Return the queries' differences in each cell at one level of another factor."""
    cells = _list_sums(crossed, model, compared, at)
    return [each for each in map(subtract_queries, cells) if each]


def _list_sums(
    crossed: CrossedCells, model: str, compared: str, at: tuple[str, str]
) -> list[tuple[QuerySums, QuerySums]]:
    """Return the sums at the first two levels in each cell at one level of another factor."""
    factor, level = at
    first, second = crossed.factors[compared][:2]
    rest = [name for name in crossed.factors if name != compared]
    return [
        (
            crossed.find_cell(place, compared, first).sums,
            crossed.find_cell(place, compared, second).sums,
        )
        for place in crossed.list_places([model], compared)
        if place[1][rest.index(factor)] == level
    ]


def _describe(gap: ComplianceGap, model: str, beside: int) -> ComplianceGap:
    first, second = gap.between
    name = f"a difference between the gaps in {first} and in {second}, in {model}"
    sentence = describe_evidence(gap, name, beside=beside, noun="difference")
    return replace(gap, evidence=find_evidence(gap), sentence=sentence)
