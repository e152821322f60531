"""Analysis: compliance in each cell, and the gap between two levels of one factor.

The design is paired: every cell has the same queries, so the gap is tested on the differences
within queries. What an answer that is no text counts as, the experiment says (`kind_rules`). An
answer that no judge could grade, that has neither tag, or that failed, is missing; it is never
counted as a refusal or as compliance. Cells stand in the experiment's order, also empty ones.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from experiment.analysis.kind_counts import KindCount, count_kinds, count_missing
from experiment.analysis.measures import choose_measure
from experiment.analysis.observation import Observation
from experiment.definition import PROXY, ExperimentSpec, cross_factors
from experiment.scoring import AnswerKind

_CONFIDENCE = 0.95
_TWO_LEVELS = 2


@dataclass(frozen=True, slots=True)
class ComplianceRate:
    """Compliance in one cell: the mean over `answers`; `missing` have no result.

    `missing_by` says why -> how many.
    """

    level: str
    answers: int
    missing: int
    compliance: float | None
    proxy: float | None
    missing_by: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ComplianceGap:
    """Compliance at the first level minus the second, over `pairs` queries with both.

    `low` and `high` bound the 95 % interval of a t test on the queries' differences, with
    `pairs` - 1 degrees of freedom (equal ones: see `_confidence_interval`); None below two pairs.
    """

    between: tuple[str, str]
    pairs: int
    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One model in one cell of the remaining factors, such as `cot`."""

    model: str
    within: str
    rates: tuple[ComplianceRate, ...]
    gap: ComplianceGap | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """The result of an experiment.

    Attributes:
        compared: the factor whose levels are compared; None without factors.
        measure: the judge whose votes count, or `proxy` without judges.
        comparisons: one for each model and cell of the other factors.
        agreement: how the proxy and the judge's majority agree on texts that have both.
        cells: the kinds of answers of each model in each condition.
        pooled: those of all of them.
    """

    compared: str | None
    measure: str
    comparisons: tuple[Comparison, ...]
    agreement: dict[str, int]
    cells: tuple[KindCount, ...]
    pooled: KindCount

    def to_json(self) -> dict[str, Any]:
        """Return the analysis as JSON."""
        return asdict(self)


def analyse_compliance(spec: ExperimentSpec, observations: Iterable[Observation]) -> Analysis:
    """Compare compliance between the levels of the experiment's compared factor."""
    seen, compared = list(observations), _choose_factor(spec)
    levels = list(spec.factors[compared]) if compared else []
    measure = choose_measure(spec)
    comparisons = tuple(
        Comparison(model, within, *_compare_levels(group, compared, levels, measure=measure))
        for (model, within), group in _group_by_comparison(spec, seen, compared).items()
    )
    cells = tuple(
        count_kinds(cell, measure=measure, model=model, condition=condition)
        for (model, condition), cell in _group_by_condition(spec, seen).items()
    )
    pooled = count_kinds(seen, measure=measure)
    agreement = _count_agreement(seen, measure)
    return Analysis(compared, measure, comparisons, agreement, cells, pooled)


def _group_by_comparison(
    spec: ExperimentSpec, observations: list[Observation], compared: str | None
) -> dict[tuple[str, str], list[Observation]]:
    """Return the observations of each model in each cell of the other factors."""
    others = [list(levels) for factor, levels in spec.factors.items() if factor != compared]
    names = ["/".join(levels) for levels in itertools.product(*others)]
    groups = {cell: list[Observation]() for cell in itertools.product(spec.models, names)}
    for each in observations:
        levels = [each.levels[factor] for factor in spec.factors if factor != compared]
        groups.setdefault((each.model, "/".join(levels)), []).append(each)
    return groups


def _group_by_condition(
    spec: ExperimentSpec, observations: list[Observation]
) -> dict[tuple[str, str], list[Observation]]:
    """Return the observations of each model in each condition."""
    names = {tuple(each.levels.values()): each.name for each in cross_factors(spec)}
    groups = {cell: list[Observation]() for cell in itertools.product(spec.models, names.values())}
    for each in observations:
        name = names[tuple(each.levels[factor] for factor in spec.factors)]
        groups.setdefault((each.model, name), []).append(each)
    return groups


def _choose_factor(spec: ExperimentSpec) -> str | None:
    if spec.compare or not spec.factors:
        return spec.compare
    binary = (name for name, levels in spec.factors.items() if len(levels) == _TWO_LEVELS)
    return next(binary, next(iter(spec.factors)))


def _compare_levels(
    group: list[Observation], compared: str | None, levels: list[str], *, measure: str
) -> tuple[tuple[ComplianceRate, ...], ComplianceGap | None]:
    """Return the rate at each level, and the gap between the first two."""
    cells = {
        level: [each for each in group if compared is None or each.levels[compared] == level]
        for level in levels or ["all"]
    }
    rates = tuple(_compute_rate(level, cell, measure=measure) for level, cell in cells.items())
    gap = _compute_gap(levels[0], levels[1], cells, measure=measure) if len(levels) > 1 else None
    return rates, gap


def _compute_rate(level: str, cell: list[Observation], *, measure: str) -> ComplianceRate:
    found = [each.value(measure) for each in cell]
    values = [value for value in found if value is not None]
    proxies = [float(each.accepted) for each in cell if each.accepted is not None]
    return ComplianceRate(
        level,
        answers=len(values),
        missing=len(cell) - len(values),
        compliance=_mean_or_none(values),
        proxy=_mean_or_none(proxies),
        missing_by=count_missing(cell, measure=measure),
    )


def _compute_gap(
    first: str, second: str, cells: dict[str, list[Observation]], *, measure: str
) -> ComplianceGap:
    a, b = (_average_by_query(cells[level], measure=measure) for level in (first, second))
    differences = [a[query] - b[query] for query in a.keys() & b.keys()]
    n, estimate = len(differences), _mean_or_none(differences)
    if estimate is None or n <= 1:
        return ComplianceGap((first, second), n, estimate, None, None)
    low, high = _confidence_interval(differences, estimate)
    return ComplianceGap((first, second), n, estimate, low, high)


def _confidence_interval(differences: list[float], mean: float) -> tuple[float, float]:
    """Return the 95 % interval of a t test on paired differences.

    Differences that are all equal have no variance, which says little about the next one: then
    two more are assumed, +1 and -1 (Bonett and Price 2012, for paired proportions).
    """
    from scipy.special import stdtrit  # noqa: PLC0415 - slow to import, and only for an interval

    if math.isclose(max(differences), min(differences), abs_tol=1e-9):
        differences = [*differences, 1.0, -1.0]
        mean = sum(differences) / len(differences)
    n = len(differences)
    variance = sum((difference - mean) ** 2 for difference in differences) / (n - 1)
    half = float(stdtrit(n - 1, (1 + _CONFIDENCE) / 2)) * math.sqrt(variance / n)
    return max(mean - half, -1.0), min(mean + half, 1.0)


def _average_by_query(cell: list[Observation], *, measure: str) -> dict[int, float]:
    values: dict[int, list[float]] = defaultdict(list)
    for each in cell:
        if (value := each.value(measure)) is not None:
            values[each.query].append(value)
    return {query: sum(given) / len(given) for query, given in values.items()}


def _count_agreement(observations: list[Observation], measure: str) -> dict[str, int]:
    counts = dict.fromkeys(
        ["both_comply", "both_refuse", "proxy_only_complies", "judge_only_complies"], 0
    )
    names = {
        (True, True): "both_comply",
        (False, False): "both_refuse",
        (True, False): "proxy_only_complies",
        (False, True): "judge_only_complies",
    }
    for each in observations:
        share = None if measure == PROXY else each.value(measure)
        is_text = each.kind is AnswerKind.TEXT  # of any other, both follow the same rule
        if is_text and each.accepted is not None and share is not None:
            counts[names[each.accepted, share > 1 / 2]] += 1
    return counts


def _mean_or_none(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
