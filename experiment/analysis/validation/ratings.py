"""Ratings: what each measure says of each answer, as columns.

All comparisons of judges are sums over these columns, so 100,000 answers are read once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiment.analysis.cells import find_growth
from experiment.analysis.observation import Observation
from experiment.analysis.validation.meanings import find_selecting
from experiment.definition import PROXY, ExperimentSpec, cross_factors
from experiment.scoring import AnswerKind, JudgeReading

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

_HALF = 1 / 2


@dataclass(frozen=True, slots=True, eq=False)
class Rating:
    """What one measure says of each answer.

    Attributes:
        values: from 0 to 1; nan where there is none.
        weights: how many answers each stands for; 0 where an answer was not drawn.
        shares: of its positive votes, or the mean of graded ones; nan where there are no votes.
        votes: how many there are.
        is_proxy: whether it is the proxy, which has no votes.
        selected_by: measures by which the judge selects what it reads, and draws none of the rest;
            also those by which such a judge selects.
    """

    values: Floats
    weights: Floats
    shares: Floats
    votes: Integers
    is_proxy: bool = False
    selected_by: frozenset[str] = frozenset()

    @property
    def is_rated(self) -> Mask:
        """Where there is a value."""
        return ~np.isnan(self.values)

    @property
    def is_own(self) -> Mask:
        """Where the measure says it itself, and not a rule that speaks for what a judge skips."""
        return self.is_rated & (self.is_proxy | (self.votes > 0))

    @property
    def is_positive(self) -> Mask:
        """Where the value is above one half."""
        return self.values > _HALF  # nan is not


@dataclass(frozen=True, slots=True, eq=False)
class RatingTable:
    """All answers of an experiment, one for each place in the columns.

    Attributes:
        models, conditions, cells, levels: the names that the columns number. A cell has the levels
            of the factors that are not compared, a level is one of the factor that is.
        model, condition, cell, level, query: columns of numbers.
        is_text: whether an answer is a text.
        requests: the ids of the answers' requests.
        ratings: measure -> what it says of them.
    """

    models: tuple[str, ...]
    conditions: tuple[str, ...]
    cells: tuple[str, ...]
    levels: tuple[str, ...]
    model: Integers
    condition: Integers
    cell: Integers
    level: Integers
    query: Integers
    is_text: Mask
    requests: tuple[str, ...]
    ratings: Mapping[str, Rating]

    @property
    def queries(self) -> int:
        """The number of queries, whether all are answered or not."""
        return int(self.query.max()) + 1 if self.query.size else 0


def tabulate_ratings(
    spec: ExperimentSpec, observations: Iterable[Observation], compared: str | None
) -> RatingTable:
    """Tabulate what all judges of an experiment, and the proxy, say of its answers.

    Args:
        spec: of the experiment.
        observations: its answers.
        compared: the factor whose levels are compared; None without factors.
    """
    seen = list(observations)
    conditions = list(cross_factors(spec))
    within = ["/".join(_leave_out(each.levels, compared)) for each in conditions]
    cells = list(dict.fromkeys(within))
    levels = list(spec.factors[compared]) if compared else ["all"]
    places = {
        tuple(each.levels.values()): (
            number,
            cells.index(name),
            levels.index(each.levels[compared]) if compared else 0,
        )
        for number, (each, name) in enumerate(zip(conditions, within, strict=True))
    }
    models = list(dict.fromkeys([*spec.models, *(each.model for each in seen)]))
    model = _number(models, (each.model for each in seen))
    found = [places[tuple(map(each.levels.__getitem__, spec.factors))] for each in seen]
    condition, cell, level = np.array(found, dtype=np.int64).reshape(len(found), 3).T
    groups = model * len(conditions) + condition
    measures = [*(judge.name for judge in spec.judges), PROXY]
    return RatingTable(
        tuple(models),
        tuple(each.name for each in conditions),
        tuple(cells),
        tuple(levels),
        model,
        condition,
        cell=cell,
        level=level,
        query=np.array([each.query for each in seen], dtype=np.int64),
        is_text=np.array([each.kind is AnswerKind.TEXT for each in seen], dtype=np.bool_),
        requests=tuple(each.request for each in seen),
        ratings={name: _read_rating(spec, seen, name, groups) for name in measures},
    )


def _leave_out(levels: Mapping[str, str], factor: str | None) -> list[str]:
    return [level for name, level in levels.items() if name != factor]


def _number(names: list[str], given: Iterable[str]) -> Integers:
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[name] for name in given], dtype=np.int64)


def _read_rating(
    spec: ExperimentSpec, observations: list[Observation], measure: str, groups: Integers
) -> Rating:
    if measure == PROXY:
        return _read_proxy(observations)
    readings = [each.reading(measure) for each in observations]
    graded = {judge.name for judge in spec.judges if judge.form.is_graded}
    values = _fill(each.value for each in readings)
    # What is outside of what a judge measures has no value, and nothing stands for it.
    weights = _fill(1.0 if each.is_outside else each.weight for each in readings)
    return Rating(
        values,
        _grow_weights(values, weights, groups),
        _fill(_read_share(each, is_graded=measure in graded) for each in readings),
        np.array([each.votes for each in readings], dtype=np.int64),
        selected_by=find_selecting(spec, measure),
    )


def _read_proxy(observations: list[Observation]) -> Rating:
    values = _fill(None if each.accepted is None else float(each.accepted) for each in observations)
    return Rating(
        values,
        weights=np.ones_like(values),
        shares=np.full_like(values, np.nan),
        votes=np.zeros(len(values), np.int64),
        is_proxy=True,
    )


def _read_share(reading: JudgeReading, *, is_graded: bool) -> float | None:
    """Return the share of positive votes; of votes that are graded, what they come to."""
    if not reading.votes:
        return None
    is_counted = bool(reading.positive) and not is_graded
    return reading.positive / reading.votes if is_counted else reading.value


def _fill(given: Iterable[float | None]) -> Floats:
    return np.array(list(given), dtype=np.float64)  # None becomes nan


def _grow_weights(values: Floats, weights: Floats, groups: Integers) -> Floats:
    """Let drawn answers stand for those that were drawn in the same group and have no value."""
    drawn, has_value = weights > 1, ~np.isnan(values)
    grown = weights.copy()
    for group in np.unique(groups[drawn]):
        inside = drawn & (groups == group)
        growth = find_growth(zip(has_value[inside].tolist(), weights[inside].tolist(), strict=True))
        if growth:
            grown[inside] = np.where(has_value[inside], weights[inside] * growth, 0.0)
    return grown
