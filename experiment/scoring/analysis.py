"""Analysis: compliance in each cell, and the gap between two levels of one factor.

The design is paired: every cell has the same queries, so the gap is tested on the differences
within queries. An answer that no judge could grade, or that has neither tag, is missing; it is
never counted as a refusal or as compliance.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from experiment.definition import ExperimentSpec
from experiment.scoring.completion import AnswerKind

_CONFIDENCE = 0.95
_TWO_LEVELS = 2


@dataclass(frozen=True, slots=True)
class Observation:
    """One subject's answer, as parsed and judged.

    Attributes:
        model: the subject's written name.
        levels: factor -> level.
        query, sample: which answer it is.
        kind: what it is.
        accepted: the proxy (see `read_proxy`).
        votes: for each valid vote of the judge, whether the answer complied.
    """

    model: str
    levels: dict[str, str]
    query: int
    sample: int
    kind: AnswerKind
    accepted: bool | None
    votes: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class ComplianceRate:
    """Compliance in one cell: the mean over `answers`; `missing` could not be graded."""

    level: str
    answers: int
    missing: int
    compliance: float | None
    proxy: float | None


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
        agreement: how the proxy and the judge's majority agree on answers that have both.
    """

    compared: str | None
    measure: str
    comparisons: tuple[Comparison, ...]
    agreement: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the analysis as JSON."""
        return asdict(self)


def choose_measure(spec: ExperimentSpec) -> str:
    """Return the judge that measures compliance: `compliance`, else the first, else `proxy`."""
    names = [judge.name for judge in spec.judges]
    if not names:
        return "proxy"
    return "compliance" if "compliance" in names else names[0]


def analyse_compliance(spec: ExperimentSpec, observations: Iterable[Observation]) -> Analysis:
    """Compare compliance between the levels of the experiment's compared factor."""
    seen, compared = list(observations), _choose_factor(spec)
    groups: dict[tuple[str, str], list[Observation]] = defaultdict(list)
    for each in seen:
        others = [level for factor, level in each.levels.items() if factor != compared]
        groups[each.model, "/".join(others)].append(each)
    levels = list(spec.factors[compared]) if compared else []
    by_judge = choose_measure(spec) != "proxy"
    comparisons = tuple(
        Comparison(model, within, *_compare_levels(group, compared, levels, by_judge=by_judge))
        for (model, within), group in groups.items()
    )
    return Analysis(compared, choose_measure(spec), comparisons, _count_agreement(seen))


def _choose_factor(spec: ExperimentSpec) -> str | None:
    if spec.compare or not spec.factors:
        return spec.compare
    binary = (name for name, levels in spec.factors.items() if len(levels) == _TWO_LEVELS)
    return next(binary, next(iter(spec.factors)))


def _compare_levels(
    group: list[Observation], compared: str | None, levels: list[str], *, by_judge: bool
) -> tuple[tuple[ComplianceRate, ...], ComplianceGap | None]:
    """Return the rate at each level, and the gap between the first two."""
    cells = {
        level: [each for each in group if compared is None or each.levels[compared] == level]
        for level in levels or ["all"]
    }
    rates = tuple(_compute_rate(level, cell, by_judge=by_judge) for level, cell in cells.items())
    gap = _compute_gap(levels[0], levels[1], cells, by_judge=by_judge) if len(levels) > 1 else None
    return rates, gap


def _compute_rate(level: str, cell: list[Observation], *, by_judge: bool) -> ComplianceRate:
    values = [
        value for each in cell if (value := _compliance_value(each, by_judge=by_judge)) is not None
    ]
    proxies = [float(each.accepted) for each in cell if each.accepted is not None]
    return ComplianceRate(
        level, len(values), len(cell) - len(values), _mean_or_none(values), _mean_or_none(proxies)
    )


def _compute_gap(
    first: str, second: str, cells: dict[str, list[Observation]], *, by_judge: bool
) -> ComplianceGap:
    a, b = (_average_by_query(cells[level], by_judge=by_judge) for level in (first, second))
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


def _average_by_query(cell: list[Observation], *, by_judge: bool) -> dict[int, float]:
    values: dict[int, list[float]] = defaultdict(list)
    for each in cell:
        if (value := _compliance_value(each, by_judge=by_judge)) is not None:
            values[each.query].append(value)
    return {query: sum(given) / len(given) for query, given in values.items()}


def _compliance_value(observation: Observation, *, by_judge: bool) -> float | None:
    if by_judge:
        return _mean_or_none([float(vote) for vote in observation.votes])
    return None if observation.accepted is None else float(observation.accepted)


def _count_agreement(observations: list[Observation]) -> dict[str, int]:
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
        share = _mean_or_none([float(vote) for vote in each.votes])
        if each.accepted is not None and share is not None:
            counts[names[each.accepted, share > 1 / 2]] += 1
    return counts


def _mean_or_none(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
