"""Judge rates: what each judge says of each model's answers in each condition."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from experiment.analysis.cells import find_growth
from experiment.analysis.clustered_rate import Rate, RateTally
from experiment.analysis.observation import Observation
from experiment.definition import ExperimentSpec, Judge, cross_factors
from experiment.scoring import JudgeReading

_EVERY = ""  # the condition of all of them


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


@dataclass(slots=True)
class _Tally:
    """What a judge says of the answers of a cell, summed up in one pass."""

    answers: int = 0
    missing: int = 0
    votes: int = 0
    unreadable: int = 0
    has_value: bool = False
    rate: RateTally = field(default_factory=RateTally)
    labels: dict[str, RateTally] = field(default_factory=dict)
    scores: dict[str, tuple[float, float]] = field(default_factory=dict)

    def add(self, query: int, reading: JudgeReading, growth: float | None) -> None:
        """Add what the judge says of an answer to a query.

        Args:
            query: its number.
            reading: of the answer, which is part of what the judge measures.
            growth: by how much those that were drawn stand for more; see `find_growth`.
        """
        self.votes += reading.votes
        self.unreadable += reading.answered - reading.votes
        has_value, is_left = reading.value is not None, not reading.weight
        says_something, weight = _says_something(reading), reading.weight
        self.answers += says_something
        self.missing += not says_something and not is_left
        self.has_value |= has_value
        if weight > 1 and growth:  # those that have a result stand for those that have none
            weight, is_left = weight * growth * says_something, not says_something
        if has_value or is_left:
            self.rate.add(query, reading.value or 0.0, weight)
        if reading.label or is_left:
            for label, tally in self.labels.items():
                tally.add(query, float(reading.label == label), weight)
        for name, score in reading.scores.items():
            total, heavy = self.scores.get(name, (0.0, 0.0))
            self.scores[name] = total + score * weight, heavy + weight

    def merge(self, other: _Tally) -> None:
        """Add what the judge says of the answers of another cell."""
        self.answers += other.answers
        self.missing += other.missing
        self.votes += other.votes
        self.unreadable += other.unreadable
        self.has_value |= other.has_value
        self.rate.merge(other.rate)
        for label, tally in other.labels.items():
            self.labels[label].merge(tally)
        for name, (more, heavier) in other.scores.items():
            total, weight = self.scores.get(name, (0.0, 0.0))
            self.scores[name] = total + more, weight + heavier

    def to_rate(self, model: str, condition: str) -> JudgeRate:
        """Return the rates of the cell."""
        labels = {label: tally.compute_rate() for label, tally in self.labels.items()}
        return JudgeRate(
            model,
            condition,
            self.answers,
            self.missing,
            self.votes,
            self.unreadable,
            self.rate.compute_rate() if self.has_value else None,
            {label: rate for label, rate in labels.items() if rate is not None},
            {name: total / weight for name, (total, weight) in self.scores.items() if weight},
        )


def rate_judges(spec: ExperimentSpec, observations: Iterable[Observation]) -> dict[str, JudgeRates]:
    """Return what each judge says of each model in each condition, in the experiment's order."""
    seen = list(observations)
    names = {tuple(each.levels.values()): each.name for each in cross_factors(spec)}
    conditions = [
        (each.model, names[tuple(map(each.levels.__getitem__, spec.factors))]) for each in seen
    ]
    models = list(dict.fromkeys((*spec.models, *(model for model, _ in conditions))))
    cells = list(itertools.product(models, names.values()))
    rates = {}
    for judge in spec.judges:
        readings: dict[tuple[str, str], list[tuple[int, JudgeReading]]] = {c: [] for c in cells}
        for cell, each in zip(conditions, seen, strict=True):
            if not each.is_outside(judge.name):
                readings[cell].append((each.query, each.reading(judge.name)))
        tallies = {cell: _tally_cell(judge, readings[cell]) for cell in cells}
        found = tuple(_list_rates(judge, models, list(names.values()), tallies))
        rates[judge.name] = JudgeRates(judge.name, judge.meaning, judge.form.is_graded, found)
    return rates


def _begin_tally(judge: Judge) -> _Tally:
    return _Tally(labels={label: RateTally() for label in judge.form.labels})


def _tally_cell(judge: Judge, readings: list[tuple[int, JudgeReading]]) -> _Tally:
    """Sum up what a judge says of the answers of a cell, each with its query."""
    growth = find_growth((_says_something(each), each.weight) for _, each in readings)
    tally = _begin_tally(judge)
    for query, each in readings:
        tally.add(query, each, growth)
    return tally


def _says_something(reading: JudgeReading) -> bool:
    return reading.value is not None or bool(reading.label)


def _list_rates(
    judge: Judge, models: list[str], conditions: list[str], tallies: dict[tuple[str, str], _Tally]
) -> Iterable[JudgeRate]:
    """Yield the rates of each model by condition, and of several conditions together."""
    for model in models:
        together = _begin_tally(judge)
        for condition in conditions:
            tally = tallies[model, condition]
            together.merge(tally)
            yield tally.to_rate(model, condition)
        if len(conditions) > 1:
            yield together.to_rate(model, _EVERY)
