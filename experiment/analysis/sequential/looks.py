"""Looks: the report's own gap of each model, held against a bound after complete queries.

Each model has a test of its own. Where there are several, each has its part of the 5 %, so that
together they find a gap where there is none at most as often (Bonferroni). Holm's correction would
find some gaps more, but it needs all of the tests at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from experiment.analysis.comparisons import CrossedCells, compare_models
from experiment.analysis.gaps import ComplianceGap
from experiment.analysis.mean_estimate import SIGNIFICANT
from experiment.analysis.observation import Observation
from experiment.analysis.outcomes import choose_measure
from experiment.analysis.sequential.bounds import convert_bound, find_bounds
from experiment.definition import ExperimentSpec


@dataclass(frozen=True, slots=True)
class SequentialDesign:
    """What a sequential test was planned to be; looks of another design are none of its own.

    Attributes:
        looks: how many there are, at equal steps.
        queries: how many the whole experiment has.
        alpha: of each model's test.
        measure: the judge that measures, or `proxy`.
        factor: whose levels are compared.
        between: the two levels.
    """

    looks: int
    queries: int
    alpha: float
    measure: str
    factor: str
    between: tuple[str, str]

    @classmethod
    def of_experiment(cls, spec: ExperimentSpec, queries: int) -> Self | None:
        """Return the design of an experiment; None where it asks for no sequential test."""
        if spec.sequential is None or spec.compared is None:
            return None
        first, second = spec.factors[spec.compared]
        return cls(
            spec.sequential.looks,
            queries,
            SIGNIFICANT / max(len(spec.models), 1),
            choose_measure(spec),
            spec.compared,
            (first, second),
        )

    @property
    def bounds(self) -> tuple[float, ...]:
        """The bound on a standard normal statistic at each look."""
        return find_bounds(self.looks, self.alpha)

    @property
    def places(self) -> tuple[int, ...]:
        """After how many queries each look is; the last is after all of them."""
        return tuple(-(-self.queries * look // self.looks) for look in range(1, self.looks + 1))

    def to_json(self) -> dict[str, Any]:
        """Return the design as JSON."""
        return asdict(self) | {"between": list(self.between)}


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a model's gap.

    Attributes:
        model: as the experiment writes it.
        number: which look it is, from 1.
        queries: after how many queries.
        pairs: how many of them have a result at both levels.
        estimate: the gap; None without pairs.
        t: the statistic; None below two pairs.
        bound: what it is held against, of Student's t.
        low, high: the repeated 95 % interval, which holds whichever look is the last.
    """

    model: str
    number: int
    queries: int
    pairs: int
    estimate: float | None
    t: float | None = None
    bound: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def is_shown(self) -> bool:
        """Whether the gap is shown, so that the model's test ends here."""
        return self.t is not None and self.bound is not None and abs(self.t) > self.bound

    def to_json(self) -> dict[str, Any]:
        """Return the look as JSON."""
        return asdict(self) | {"shown": self.is_shown}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(**{each.name: stored[each.name] for each in fields(cls)})


def take_looks(
    spec: ExperimentSpec,
    observations: Iterable[Observation],
    design: SequentialDesign,
    number: int,
    models: Collection[str],
) -> list[Look]:
    """Take a look at the gap of each of some models.

    Args:
        spec: of the experiment.
        observations: of the queries up to this look, and of no others.
        design: of the test.
        number: which look it is, from 1.
        models: those whose tests go on, as the experiment writes them.
    """
    seen = [each for each in observations if each.model in models]
    crossed = CrossedCells.of_observations(spec, seen, measure=design.measure)
    compared = compare_models(crossed, design.factor)
    return [
        _hold_against_bound(each.model, each.gap, design, number)
        for each in compared
        if each.model in models and each.gap is not None
    ]


def _hold_against_bound(
    model: str, gap: ComplianceGap, design: SequentialDesign, number: int
) -> Look:
    queries = design.places[number - 1]
    if gap.t is None or gap.df is None or gap.error is None:
        return Look(model, number, queries, gap.pairs, gap.estimate)
    bound = convert_bound(design.bounds[number - 1], gap.df)
    middle, half = gap.t * gap.error, bound * gap.error
    return Look(
        model,
        number,
        queries,
        gap.pairs,
        gap.estimate,
        gap.t,
        bound,
        low=max(middle - half, -1.0),
        high=min(middle + half, 1.0),
    )
