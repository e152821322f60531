"""Judge rates: what each judge says of each model's answers in each condition.

A rate has a 95 % interval. With one answer of each query that is yes or no it is Wilson's (1927).
Several answers to a query are alike, and those that stand for others weigh more: then the queries
are the sample, and the variance is that of a ratio of their totals (Cochran 1977, section 11.8,
clusters of unequal size). Wilson's formula is used with the number of independent answers that
would have this variance (Kott and Carr 1997), so that a rate near 0 or 1 keeps an interval within
them. A mean of shares or numbers has the interval of a t test over the queries.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from experiment.analysis.observation import Observation
from experiment.definition import ExperimentSpec, Judge, cross_factors
from experiment.scoring import JudgeReading

_CONFIDENCE = 0.95
_EVERY = ""  # the condition of all of them


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of answers, or the mean of what a judge says of them, from 0 to 1.

    `low` and `high` bound its 95 % interval; None where one query says nothing of the next.
    """

    estimate: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class JudgeRate:
    """What a judge says of one model's answers in one condition, or in all of them.

    Attributes:
        model: as the experiment writes it.
        condition: its name; empty for all conditions together.
        answers: how many it says something of, itself or by their kind or tag.
        missing: how many have no result.
        votes: how many of its verdicts are votes.
        unreadable: how many of its verdicts are none.
        rate: of positives, of compliance where the verdict means refusal or compliance; None where
            no answer has one.
        labels: label -> its share among the answers, by the label that most of their votes give.
        scores: further field, criterion or number -> its mean over the answers that have it.
    """

    model: str
    condition: str
    answers: int
    missing: int
    votes: int
    unreadable: int
    rate: Rate | None
    labels: dict[str, Rate] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgeRates:
    """What a judge says.

    Attributes:
        judge: its name.
        means: what a positive verdict means; the judge's name where the file does not say.
        is_graded: whether its rate is a mean of shares or numbers.
        rates: by model, then by condition; last of a model with several, all together.
    """

    judge: str
    means: str
    is_graded: bool
    rates: tuple[JudgeRate, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the rates as JSON."""
        return asdict(self)


def rate_judges(spec: ExperimentSpec, observations: Iterable[Observation]) -> dict[str, JudgeRates]:
    """Return what each judge says of each model in each condition, in the experiment's order."""
    cells = _group_cells(spec, observations)
    return {
        judge.name: JudgeRates(
            judge.name,
            judge.meaning,
            judge.form.is_graded,
            tuple(_rate_cell(judge, *name, cell) for name, cell in cells.items()),
        )
        for judge in spec.judges
    }


def compute_rate(values: Mapping[int, Sequence[tuple[float, float]]]) -> Rate:
    """Return the mean of values with its 95 % interval.

    Args:
        values: query -> value and weight of each of its answers; an answer that others stand for
            has the weight 0, and counts.
    """
    given = [each for answers in values.values() for each in answers]
    estimate = sum(value * weight for value, weight in given) / len(given)
    is_share = all(value in (0, 1) for value, _ in given)
    if is_share and len(given) == len(values) and all(weight == 1 for _, weight in given):
        return Rate(estimate, *_bound_share(estimate, len(given), _normal_quantile()))
    drawn = sum(any(weight for _, weight in answers) for answers in values.values())
    if drawn <= 1:
        return Rate(estimate, None, None)
    variance, quantile = _estimate_variance(estimate, values), _t_quantile(drawn - 1)
    if variance <= 0:  # they are all the same, which says little of the next one
        return Rate(estimate, *_bound_share(estimate, drawn, quantile))
    if is_share and 0 < estimate < 1:
        independent = min(estimate * (1 - estimate) / variance, float(len(given)))
        return Rate(estimate, *_bound_share(estimate, independent, quantile))
    half = quantile * math.sqrt(variance)
    return Rate(estimate, max(estimate - half, 0.0), min(estimate + half, 1.0))


def _estimate_variance(
    estimate: float, values: Mapping[int, Sequence[tuple[float, float]]]
) -> float:
    """Return the variance of a mean over answers, whose queries are a sample of queries."""
    clusters, size = len(values), sum(map(len, values.values()))
    totals = ((sum(v * w for v, w in answers), len(answers)) for answers in values.values())
    squares = sum((total - estimate * count) ** 2 for total, count in totals)
    return squares * clusters / (clusters - 1) / size**2


def _group_cells(
    spec: ExperimentSpec, observations: Iterable[Observation]
) -> dict[tuple[str, str], list[Observation]]:
    """Return the observations of each model in each condition, and in all of them."""
    names = {tuple(each.levels.values()): each.name for each in cross_factors(spec)}
    together = [_EVERY] if len(names) > 1 else []
    conditions = [*names.values(), *together]
    groups = {cell: list[Observation]() for cell in itertools.product(spec.models, conditions)}
    for each in observations:
        name = names[tuple(each.levels[factor] for factor in spec.factors)]
        for condition in (name, *together):
            groups.setdefault((each.model, condition), []).append(each)
    return groups


def _rate_cell(judge: Judge, model: str, condition: str, cell: list[Observation]) -> JudgeRate:
    read = [(each.query, each.reading(judge.name)) for each in cell]
    said = [(query, each) for query, each in read if _says_something(each)]
    labels, has_label = judge.form.labels, any(each.label for _, each in said)
    return JudgeRate(
        model,
        condition,
        answers=len(said),
        missing=len(read) - sum(_says_something(each) or not each.weight for _, each in read),
        votes=sum(each.votes for _, each in read),
        unreadable=sum(each.answered - each.votes for _, each in read),
        rate=_average_values(read),
        labels={label: _share_label(read, label) for label in labels if has_label},
        scores=_average_scores(each for _, each in said),
    )


def _says_something(reading: JudgeReading) -> bool:
    return reading.value is not None or bool(reading.label)


def _average_values(read: list[tuple[int, JudgeReading]]) -> Rate | None:
    """Return the mean of what a judge says; None where it gives no answer a value."""
    if all(each.value is None for _, each in read):
        return None
    values: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for query, each in read:
        if each.value is not None or not each.weight:
            values[query].append((each.value or 0.0, each.weight))
    return compute_rate(values)


def _share_label(read: list[tuple[int, JudgeReading]], label: str) -> Rate:
    """Return the share of a label among the answers that have one."""
    values: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for query, each in read:
        if each.label or not each.weight:
            values[query].append((float(each.label == label), each.weight))
    return compute_rate(values)


def _average_scores(readings: Iterable[JudgeReading]) -> dict[str, float]:
    """Return the mean of each score over the answers that have it, each by its weight."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for each in readings:
        for name, score in each.scores.items():
            found[name].append((score * each.weight, each.weight))
    return {
        name: sum(score for score, _ in given) / sum(weight for _, weight in given)
        for name, given in found.items()
    }


def _bound_share(share: float, answers: float, quantile: float) -> tuple[float, float]:
    """Return Wilson's score interval."""
    share = min(max(share, 0.0), 1.0)
    square = quantile**2 / answers
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(square * (share * (1 - share) + square / 4)) / (1 + square)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _normal_quantile() -> float:
    from scipy.special import ndtri  # noqa: PLC0415 - slow to import, and only for an interval

    return float(ndtri((1 + _CONFIDENCE) / 2))


def _t_quantile(freedom: int) -> float:
    from scipy.special import stdtrit  # noqa: PLC0415 - slow to import, and only for an interval

    return float(stdtrit(freedom, (1 + _CONFIDENCE) / 2))
