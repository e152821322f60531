"""Cells: what a measure says of one model's answers in one condition, summed for each query.

Everything that is compared is made of these sums, so answers are read once. Several samples of a
query are averaged within it, because answers to one query are alike: the query is what was drawn.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from experiment.analysis.clustered_rate import RateTally
from experiment.analysis.kind_counts import KindCount, count_kinds
from experiment.analysis.observation import Observation

_HALF = 1 / 2
_Result = tuple[float | None, float]  # a value, and its weight


@dataclass(frozen=True, slots=True)
class QuerySum:
    """What a measure says of the answers to one query in one cell.

    Attributes:
        asked: how many answers there are, of any kind, that are part of what is measured.
        missing: how many of them have no result.
        counted: how many the result stands for: those with a result, and those that were not drawn.
        total: the sum of their values, each times its weight.
        low, high: the sum over all that were asked, if what is missing were 0, or 1.
        variance: of one answer to this query, unbiased; None below two results, or where some of
            them stand for others.
    """

    asked: int
    missing: int
    counted: int
    total: float
    low: float
    high: float
    variance: float | None = None

    @property
    def mean(self) -> float | None:
        """The mean over what is counted; None where everything is missing."""
        return self.total / self.counted if self.counted else None


QuerySums = Mapping[int, QuerySum]


@dataclass(frozen=True, slots=True)
class Cell:
    """One model's answers in one condition.

    Attributes:
        sums: query -> its sum, in the order of the queries.
        kinds: how many answers are of each kind, and why results are missing.
        proxies: the proxy of each answer that has one.
        tally: the same sums, of which a rate with its interval is made.
    """

    sums: QuerySums
    kinds: KindCount
    proxies: tuple[float, ...]
    tally: RateTally

    @property
    def missing(self) -> int:
        """How many answers have no result."""
        return sum(each.missing for each in self.sums.values())

    @property
    def answers(self) -> int:
        """How many answers have a result, or have others that stand for them."""
        return sum(each.asked for each in self.sums.values()) - self.missing

    @property
    def rate(self) -> float | None:
        """The mean over all answers that are counted; None where there are none.

        An estimate by weights can lie above 1 where few were drawn; a rate does not.
        """
        counted = sum(each.counted for each in self.sums.values())
        return min(math.fsum(each.total for each in self.sums.values()) / counted, 1.0) if (
            counted
        ) else None  # fmt: skip

    @property
    def proxy(self) -> float | None:
        """The share of answers that the proxy says complied; None where none has a tag."""
        return math.fsum(self.proxies) / len(self.proxies) if self.proxies else None


def summarize_cell(
    observations: Iterable[Observation], *, measure: str, model: str, condition: str
) -> Cell:
    """Summarize one model's answers in one condition.

    Args:
        observations: of that model and condition.
        measure: a judge's name, or `proxy`.
        model: as the experiment writes it.
        condition: its name.
    """
    seen = list(observations)
    results = _read_results(seen, measure)
    sums = _sum_results_by_query(results)
    return Cell(
        sums,
        count_kinds(seen, measure=measure, model=model, condition=condition),
        tuple(float(each.accepted) for each in seen if each.accepted is not None),
        _tally_sums(sums, results),
    )


def _read_results(observations: Iterable[Observation], measure: str) -> dict[int, list[_Result]]:
    """Return what a measure says of the answers to each query, of those that it is about."""
    results: dict[int, list[_Result]] = defaultdict(list)
    for each in observations:
        if not each.is_outside(measure):
            results[each.query].append((each.value(measure), each.weight(measure)))
    return results


def _tally_sums(sums: QuerySums, results: Mapping[int, list[_Result]]) -> RateTally:
    """Return the sums of queries as a tally."""
    valued = [
        (query, value, weight)
        for query, found in results.items()
        for value, weight in found
        if value is not None
    ]
    counted = {query: each for query, each in sums.items() if each.counted}
    return RateTally(
        totals={query: each.total for query, each in counted.items()},
        counts={query: each.counted for query, each in counted.items()},
        drawn={query for query, _, _ in valued},
        count=sum(value > _HALF for _, value, _ in valued),
        of=len(valued),
        is_share=all(value in (0, 1) for _, value, _ in valued),
        is_plain=all(weight == 1 for _, _, weight in valued),
    )


def sum_by_query(observations: Iterable[Observation], *, measure: str) -> dict[int, QuerySum]:
    """Sum what a measure says of answers in one cell, for each query.

    The sum of weight times value estimates the sum over all, also over those that were not drawn
    (Horvitz and Thompson 1952, J. Am. Stat. Assoc. 47:663-685). A drawn answer whose verdict is
    missing is stood for by the others that were drawn in this cell: their weights grow by the share
    that is missing (weighting-class adjustment: Oh and Scheuren 1983).
    """
    return _sum_results_by_query(_read_results(observations, measure))


def _sum_results_by_query(results: Mapping[int, list[_Result]]) -> dict[int, QuerySum]:
    """Sum what a measure says, for each query, as of `sum_by_query`."""
    every = [result for found in results.values() for result in found]
    if all(value is None for value, _ in every):  # then nothing stands for what was not drawn
        return {query: _sum_none(results[query]) for query in sorted(results)}
    growth = find_growth((value is not None, weight) for value, weight in every)
    return {query: _sum_results(results[query], growth) for query in sorted(results)}


def find_growth(results: Iterable[tuple[bool, float]]) -> float | None:
    """Return by how much drawn answers stand for more, because some of them are missing.

    None where nothing that was drawn has a result, so that nothing stands for what is missing.

    Args:
        results: of the answers in one cell: whether there is a result, and its weight.
    """
    drawn = [(has_value, weight) for has_value, weight in results if weight > 1]
    found = math.fsum(weight for has_value, weight in drawn if has_value)
    return math.fsum(weight for _, weight in drawn) / found if found else None


def _sum_none(results: list[_Result]) -> QuerySum:
    """Sum the results of one query in a cell without any result."""
    missing = [weight for _, weight in results if weight > 0]
    return QuerySum(len(results), len(missing), 0, 0.0, low=0.0, high=math.fsum(missing))


def _sum_results(results: list[_Result], growth: float | None) -> QuerySum:
    """Sum the results of one query."""
    valued = [(value, weight) for value, weight in results if value is not None]
    missing = [weight for value, weight in results if value is None and weight > 0]
    stood_for = sum(weight > 1 for weight in missing) if growth else 0
    plain = [value * weight for value, weight in valued]
    grown = [
        value * weight * (growth or 1.0) if weight > 1 else value * weight
        for value, weight in valued
    ]
    low = math.fsum(plain)
    return QuerySum(
        asked=len(results),
        missing=len(missing),
        counted=len(results) - len(missing) + stood_for,
        total=math.fsum(grown),
        low=low,
        high=low + math.fsum(missing),
        variance=_find_variance(valued),
    )


def _find_variance(valued: list[tuple[float, float]]) -> float | None:
    """Return the variance of one answer; None where it is not to be had from these."""
    if len(valued) <= 1 or any(weight != 1 for _, weight in valued):
        return None
    mean = math.fsum(value for value, _ in valued) / len(valued)
    return math.fsum((value - mean) ** 2 for value, _ in valued) / (len(valued) - 1)
