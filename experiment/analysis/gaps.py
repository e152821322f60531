"""Gaps: how the answers to the same queries differ between two levels of a factor.

A gap is a mean over queries, first level minus second. Over several cells, such as a model's
conditions, it is the mean of their gaps, each with the same weight; a query that is in several of
them is still one query, so its differences are summed before their spread is taken.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from experiment.analysis.cells import QuerySum, QuerySums
from experiment.analysis.mean_estimate import (
    MeanEstimate,
    MeanPart,
    adjust_holm,
    estimate_fixed_mean,
    estimate_mean,
)
from experiment.definition import Target

_ALL_PAIRS = 3  # up to as many levels are all compared with each other; more, with the first


@dataclass(frozen=True, slots=True)
class MissingBounds:
    """What a gap would be if all that is missing had a result, over all queries that were asked.

    Attributes:
        low, high: the least and the most that it can be: what is missing at one level 0, at the
            other 1 (Manski 1990, Am. Econ. Rev. 80:319-323).
        all_refused, all_complied: if everything that is missing were 0, or 1, at both levels.
    """

    low: float
    high: float
    all_refused: float
    all_complied: float


@dataclass(frozen=True, slots=True)
class ComplianceGap:
    """Compliance at the first level minus the second, over `pairs` queries with both.

    Attributes:
        between: the two levels.
        pairs: how many queries have a result at both; over several cells, in any of them.
        estimate: the mean of the queries' differences; None without pairs.
        low, high, p, detectable, t, df, error: see `MeanEstimate`; None below two pairs. None of
            them is corrected for the gaps that stand beside this one.
        p_holm: `p`, adjusted for the gaps that stand beside this one.
        bounds: by what is missing; None where nothing is.
        means: the mean at both levels over these queries, whose difference the estimate is; cells
            weigh the same. None without pairs.
        evidence: whether there is evidence of a gap, one of the words of `Evidence`.
        sentence: what it shows, for people.
        target: whether it is about all queries like these, or about these alone.
    """

    between: tuple[str, str]
    pairs: int
    estimate: float | None
    low: float | None
    high: float | None
    p: float | None = None
    p_holm: float | None = None
    detectable: float | None = None
    bounds: MissingBounds | None = None
    evidence: str = ""
    sentence: str = ""
    t: float | None = None
    df: float | None = None
    error: float | None = None
    target: Target = Target.LIKE_THESE
    means: tuple[float, float] | None = None


def list_pairs(levels: Sequence[str]) -> list[tuple[str, str]]:
    """Return the levels that are compared: all pairs of up to three, else each with the first."""
    pairs = itertools.combinations(levels, 2)
    return [pair for pair in pairs if len(levels) <= _ALL_PAIRS or pair[0] == levels[0]]


def compute_gap(
    between: tuple[str, str],
    cells: Sequence[tuple[QuerySums, QuerySums]],
    target: Target = Target.LIKE_THESE,
) -> ComplianceGap:
    """Compute the gap between two levels.

    Args:
        between: the levels.
        cells: the sums at both levels, in each cell of the other factors.
        target: what it is about.
    """
    if target is Target.THESE:
        gap = compute_fixed_gap(between, [(1.0, cell) for cell in cells])
        means = _average_levels(map(_pair_measured, cells))
        return replace(gap, bounds=_bound_gap(cells), means=means)
    differences = [each for each in map(subtract_queries, cells) if each]
    weights = [1 / len(differences) for _ in differences]
    gap = estimate_gap(between, spread_over_queries(differences, weights))
    means = _average_levels(map(_pair_known, cells))
    return replace(gap, bounds=_bound_gap(cells), means=means)


def estimate_gap(
    between: tuple[str, str], spread: Sequence[float], *, largest: float = 1.0
) -> ComplianceGap:
    """Estimate a gap from a value for each query, whose mean it is.

    Args:
        between: the levels.
        spread: the values.
        largest: that the gap can be.
    """
    found = estimate_mean(spread, largest=largest)
    if found is None:
        return ComplianceGap(between, len(spread), spread[0] if spread else None, None, None)
    return _make_gap(between, len(spread), found)


def compute_fixed_gap(
    between: tuple[str, str],
    cells: Sequence[tuple[float, tuple[QuerySums, QuerySums]]],
    *,
    largest: float = 1.0,
) -> ComplianceGap:
    """Compute a gap of these queries alone, whose answers vary, but which are not drawn.

    It is over the queries with two results or more at both levels of a cell.

    Args:
        between: the levels.
        cells: of each its sign, and the sums at both levels. Cells of one sign weigh the same.
        largest: that the gap can be.
    """
    found = [(sign, both) for sign, sums in cells if (both := _pair_measured(sums))]
    signs = [sign for sign, _ in found]
    pairs = len({query for _, both in found for query in both})
    if not found or {sign for sign, _ in cells} != set(signs):
        return ComplianceGap(between, pairs, None, None, None, target=Target.THESE)
    parts, mean = [], 0.0
    for sign, both in found:
        weight = sign / signs.count(sign) / len(both)
        mean += weight * math.fsum((a.mean or 0.0) - (b.mean or 0.0) for a, b in both.values())
        parts += [
            MeanPart(weight, each.variance or 0.0, each.counted)
            for pair in both.values()
            for each in pair
        ]
    gap = _make_gap(between, pairs, estimate_fixed_mean(mean, parts, largest=largest))
    return replace(gap, target=Target.THESE)


def _pair_measured(sums: tuple[QuerySums, QuerySums]) -> dict[int, tuple[QuerySum, QuerySum]]:
    """Return the queries of which is known at both levels how much their answers vary."""
    first, second = sums
    return {
        query: (asked, second[query])
        for query, asked in first.items()
        if asked.variance is not None and query in second and second[query].variance is not None
    }


def _pair_known(sums: tuple[QuerySums, QuerySums]) -> dict[int, tuple[QuerySum, QuerySum]]:
    """Return the queries that have a result at both levels."""
    first, second = sums
    return {query: (first[query], second[query]) for query in subtract_queries(sums)}


def _average_levels(
    cells: Iterable[Mapping[int, tuple[QuerySum, QuerySum]]],
) -> tuple[float, float] | None:
    """Return the mean at the first and at the second level; None where no query has both."""
    found = [list(pairs.values()) for pairs in cells if pairs]
    if not found:
        return None
    first, second = (
        math.fsum(math.fsum(pair[at].mean or 0.0 for pair in pairs) / len(pairs) for pairs in found)
        / len(found)
        for at in (0, 1)
    )
    return first, second


def _make_gap(between: tuple[str, str], pairs: int, found: MeanEstimate) -> ComplianceGap:
    return ComplianceGap(
        between,
        pairs,
        found.mean,
        found.low,
        found.high,
        found.p,
        detectable=found.detectable,
        t=found.t,
        df=found.df,
        error=found.error,
    )


def correct_gaps(gaps: Sequence[ComplianceGap]) -> list[ComplianceGap]:
    """Return gaps that stand beside each other with p values that are adjusted for all of them."""
    adjusted = adjust_holm([gap.p for gap in gaps])
    return [replace(gap, p_holm=p) for gap, p in zip(gaps, adjusted, strict=True)]


def spread_over_queries(
    cells: Sequence[Mapping[int, float]], weights: Sequence[float]
) -> list[float]:
    """Return a value for each query, whose mean is the weighted sum of the cells' means.

    Their spread is that of the estimate, clustered by query: a query's value is the estimate plus
    the number of queries times what the query adds to it (linearization: Binder 1983, Int. Stat.
    Rev. 51:279-292). In a single cell of weight 1 they are its differences.

    Args:
        cells: query -> difference, in each cell; none of them empty.
        weights: of the cells.
    """
    if len(cells) == 1 and weights[0] == 1:
        return list(cells[0].values())
    means = [math.fsum(cell.values()) / len(cell) for cell in cells]
    added: dict[int, list[float]] = defaultdict(list)
    for cell, mean, weight in zip(cells, means, weights, strict=True):
        for query, difference in cell.items():
            added[query].append(weight * (difference - mean) / len(cell))
    middle = math.fsum(weight * mean for weight, mean in zip(weights, means, strict=True))
    return [middle + len(added) * math.fsum(added[query]) for query in sorted(added)]


def subtract_queries(sums: tuple[QuerySums, QuerySums]) -> dict[int, float]:
    """Return the differences of the queries that have a result at both levels."""
    first, second = sums
    differences = {}
    for query, asked in first.items():
        a, b = asked.mean, second[query].mean if query in second else None
        if a is not None and b is not None:
            differences[query] = a - b
    return differences


def _bound_gap(cells: Sequence[tuple[QuerySums, QuerySums]]) -> MissingBounds | None:
    """Return the bounds of a gap; None where nothing is missing of the queries at both levels."""
    asked = [
        [(sums, second[query]) for query, sums in first.items() if query in second]
        for first, second in cells
    ]
    asked = [pairs for pairs in asked if pairs]
    if not any(a.missing or b.missing for pairs in asked for a, b in pairs):
        return None
    return MissingBounds(
        low=_fill(asked, ("low", "high")),
        high=_fill(asked, ("high", "low")),
        all_refused=_fill(asked, ("low", "low")),
        all_complied=_fill(asked, ("high", "high")),
    )


def _fill(cells: Sequence[Sequence[tuple[QuerySum, QuerySum]]], filled: tuple[str, str]) -> float:
    """Return the gap with what is missing filled in at the first and at the second level."""
    first, second = filled
    means = [
        math.fsum(getattr(a, first) / a.asked - getattr(b, second) / b.asked for a, b in pairs)
        / len(pairs)
        for pairs in cells
    ]
    return max(-1.0, min(math.fsum(means) / len(means), 1.0))
