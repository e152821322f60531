"""Sensitivity of the result: the gap by each judge, and by each threshold of its votes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from experiment.analysis.gaps import list_pairs
from experiment.analysis.mean_estimate import estimate_mean
from experiment.analysis.outcomes import AS_IN_FILE
from experiment.analysis.validation.ratings import Floats, Mask, Rating, RatingTable

_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class MeasuredGap:
    """A gap as one measure sees it: the first level minus the second, over queries with both.

    Attributes:
        model: of the answers.
        within: the levels of the factors that are not compared.
        between: the two levels.
        measure: a judge, or `proxy`.
        counts: which share of its votes makes an answer positive.
        pairs: how many queries have both levels.
        estimate: the mean of their differences; None where there are none.
        low, high: its 95 % interval, of a t test on these differences; None below two queries.
    """

    model: str
    within: str
    between: tuple[str, str]
    measure: str
    counts: str
    pairs: int
    estimate: float | None
    low: float | None
    high: float | None


def vary_measure(table: RatingTable, measures: Iterable[str]) -> Iterator[MeasuredGap]:
    """Yield the gap of each model and cell by each measure and each threshold of its votes."""
    rules = [(name, *rule) for name in measures for rule in _list_rules(table.ratings[name])]
    for model, cell in itertools.product(range(len(table.models)), range(len(table.cells))):
        where = (table.model == model) & (table.cell == cell)
        for pair in number_pairs(table.levels):
            for measure, counts, values in rules:
                differences, _ = subtract_levels(
                    table, where, pair, values, table.ratings[measure].weights
                )
                yield MeasuredGap(
                    table.models[model],
                    table.cells[cell],
                    (table.levels[pair[0]], table.levels[pair[1]]),
                    measure,
                    counts,
                    *_estimate_gap(differences),
                )


def number_pairs(levels: Sequence[str]) -> list[tuple[int, int]]:
    """Return the pairs of levels that are compared, by their places; see `list_pairs`."""
    return [(levels.index(first), levels.index(second)) for first, second in list_pairs(levels)]


def subtract_levels(
    table: RatingTable, where: Mask, pair: tuple[int, int], values: Floats, weights: Floats
) -> tuple[Floats, Mask]:
    """Return the differences of the queries that have both levels, and which queries these are.

    The mean of a query is the sum of weight times value over all its answers that are not missing;
    one that was not drawn has the weight 0 and others stand for it (Horvitz and Thompson 1952).
    """
    means, has_any = zip(
        *(_average_by_query(table, where & (table.level == at), values, weights) for at in pair),
        strict=True,
    )
    both = has_any[0] & has_any[1]
    return (means[0] - means[1])[both], both


def _average_by_query(
    table: RatingTable, where: Mask, values: Floats, weights: Floats
) -> tuple[Floats, Mask]:
    rated, size = where & ~np.isnan(values), table.queries
    if not rated.any():  # then nothing stands for what was not drawn
        return np.zeros(size), np.zeros(size, dtype=np.bool_)
    sums = np.bincount(table.query[rated], (values * weights)[rated], size)
    counted = where & (~np.isnan(values) | (weights == 0))
    numbers = np.bincount(table.query[counted], minlength=size)
    return np.divide(sums, numbers, out=np.zeros(size), where=numbers > 0), numbers > 0


def _estimate_gap(
    differences: Floats,
) -> tuple[int, float | None, float | None, float | None]:
    n = len(differences)
    if not n:
        return 0, None, None, None
    found = estimate_mean(differences.tolist())
    if found is None:
        return n, float(differences.mean()), None, None
    return n, found.mean, found.low, found.high


# From which share of positive votes on an answer is positive.
_THRESHOLDS = (
    {"any": 2 * _TOLERANCE} | {f">= {x:g}": x for x in (0.25, 0.4, 0.5, 0.75)} | {"all": 1.0}
)


def _list_rules(rating: Rating) -> Iterator[tuple[str, Floats]]:
    """Yield what each rule makes of a judge's votes; only the file's where no share is between."""
    yield AS_IN_FILE, rating.values
    shares = rating.shares
    if ((shares > _TOLERANCE) & (shares < 1 - _TOLERANCE)).any():
        for name, least in _THRESHOLDS.items():
            reached = (shares >= least - _TOLERANCE).astype(np.float64)
            yield name, np.where(np.isnan(shares), rating.values, reached)
