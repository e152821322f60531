"""Analysis: compliance in each cell, and the gap between two levels of one factor.

The design is paired: the same queries stand in every cell, so the gap is tested on the differences
within queries. An answer that no judge could grade, or that has neither tag, is missing; it is
never counted as a refusal or as compliance.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from experiment.definition.schema import Spec

_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Observation:
    """One subject's answer, as it was read and judged.

    Attributes:
        model: the subject's written name.
        levels: factor -> level.
        query, sample: which answer it is.
        accepted: the proxy (see `Answer.accepted`).
        votes: for each valid vote of the judge, whether the answer complied.
    """

    model: str
    levels: dict[str, str]
    query: int
    sample: int
    accepted: bool | None
    votes: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """Compliance in one cell: the mean over `answers` of them; `missing` could not be graded."""

    level: str
    answers: int
    missing: int
    compliance: float | None
    proxy: float | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Compliance at the first level minus the second, over `pairs` queries with both.

    `low` and `high` bound the 95 % interval of a t test on the queries' differences, with
    `pairs` - 1 degrees of freedom (see `_interval` for alike ones); None for fewer than two pairs.
    """

    between: tuple[str, str]
    pairs: int
    estimate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """One model in one cell of the other factors, such as `cot`."""

    model: str
    within: str
    rates: tuple[Rate, ...]
    gap: Gap | None


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the answers say.

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
        """Give the analysis as JSON."""
        return asdict(self)


def measure_of(spec: Spec) -> str:
    """Name the judge whose votes are the measure: `compliance`, else the first, else the proxy."""
    names = [judge.name for judge in spec.judges]
    if not names:
        return "proxy"
    return "compliance" if "compliance" in names else names[0]


def analyse(spec: Spec, observations: Iterable[Observation]) -> Analysis:
    """Compare compliance between the levels of the factor that the experiment compares."""
    seen, compared = list(observations), _compared(spec)
    groups: dict[tuple[str, str], list[Observation]] = defaultdict(list)
    for each in seen:
        others = [level for factor, level in each.levels.items() if factor != compared]
        groups[each.model, "/".join(others)].append(each)
    levels = list(spec.factors[compared]) if compared else []
    by_judge = measure_of(spec) != "proxy"
    comparisons = tuple(
        _comparison(model, within, group, compared, levels, by_judge=by_judge)
        for (model, within), group in groups.items()
    )
    return Analysis(compared, measure_of(spec), comparisons, _agreement(seen))


def _compared(spec: Spec) -> str | None:
    if spec.compare or not spec.factors:
        return spec.compare
    two = [name for name, levels in spec.factors.items() if len(levels) == 2]  # noqa: PLR2004
    return two[0] if two else next(iter(spec.factors))


def _comparison(  # noqa: PLR0913 - a cell's description
    model: str,
    within: str,
    group: list[Observation],
    compared: str | None,
    levels: list[str],
    *,
    by_judge: bool,
) -> Comparison:
    cells = {
        level: [each for each in group if compared is None or each.levels[compared] == level]
        for level in levels or ["all"]
    }
    rates = tuple(_rate(level, cell, by_judge=by_judge) for level, cell in cells.items())
    gap = _gap(levels[0], levels[1], cells, by_judge=by_judge) if len(levels) > 1 else None
    return Comparison(model, within, rates, gap)


def _rate(level: str, cell: list[Observation], *, by_judge: bool) -> Rate:
    values = [value for each in cell if (value := _value(each, by_judge=by_judge)) is not None]
    proxies = [float(each.accepted) for each in cell if each.accepted is not None]
    return Rate(level, len(values), len(cell) - len(values), _mean(values), _mean(proxies))


def _gap(first: str, second: str, cells: dict[str, list[Observation]], *, by_judge: bool) -> Gap:
    a, b = (_by_query(cells[level], by_judge=by_judge) for level in (first, second))
    differences = [a[query] - b[query] for query in a.keys() & b.keys()]
    n, estimate = len(differences), _mean(differences)
    if estimate is None or n < 2:  # noqa: PLR2004 - an interval needs two
        return Gap((first, second), n, estimate, None, None)
    low, high = _interval(differences, estimate)
    return Gap((first, second), n, estimate, low, high)


def _interval(differences: list[float], mean: float) -> tuple[float, float]:
    """Give the 95 % interval of a t test on paired differences.

    Differences that are all alike have no variance, which says little of the next one: then two
    more are supposed, +1 and -1 (Bonett and Price 2012, for paired proportions).
    """
    from scipy.special import stdtrit  # noqa: PLC0415 - slow to import, and only for an interval

    if math.isclose(max(differences), min(differences), abs_tol=1e-9):
        differences = [*differences, 1.0, -1.0]
        mean = sum(differences) / len(differences)
    n = len(differences)
    variance = sum((difference - mean) ** 2 for difference in differences) / (n - 1)
    half = float(stdtrit(n - 1, (1 + _CONFIDENCE) / 2)) * math.sqrt(variance / n)
    return max(mean - half, -1.0), min(mean + half, 1.0)


def _by_query(cell: list[Observation], *, by_judge: bool) -> dict[int, float]:
    values: dict[int, list[float]] = defaultdict(list)
    for each in cell:
        if (value := _value(each, by_judge=by_judge)) is not None:
            values[each.query].append(value)
    return {query: sum(given) / len(given) for query, given in values.items()}


def _value(each: Observation, *, by_judge: bool) -> float | None:
    if by_judge:
        return _mean([float(vote) for vote in each.votes])
    return None if each.accepted is None else float(each.accepted)


def _agreement(observations: list[Observation]) -> dict[str, int]:
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
        share = _mean([float(vote) for vote in each.votes])
        if each.accepted is not None and share is not None:
            counts[names[each.accepted, share > 1 / 2]] += 1
    return counts


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
