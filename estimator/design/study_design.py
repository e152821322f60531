"""A study's design: the one call behind `afcost design`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from estimator.design.alternatives import Alternative, list_alternatives
from estimator.design.cell_costs import CellCost, find_cell_costs
from estimator.design.choice import Design
from estimator.design.curves import Curve, find_curves
from estimator.design.outcomes import ASSUMED, Outcomes
from estimator.design.power import ALPHA, POWER
from estimator.design.table import Choice, Row, Wish, build_rows, list_choices
from estimator.errors import EstimatorError
from estimator.forecast import History, MeasuredCalls
from estimator.plan import Estimate, EstimateOptions, estimate_experiment
from estimator.processing import find_way
from estimator.wall_time import (
    NO_LIMITS,
    AccountLimits,
    Speed,
    WallTime,
    find_batch_times,
    find_speeds,
    find_work_time,
    speeds_to_json,
)
from estimator.workload import StratumKey
from experiment.analysis import list_pairs
from experiment.definition import Experiment, Overrides, Target
from experiment.errors import BadExperiment
from pricing.errors import PricingError

DESIGN_SCHEMA = "afcost.design/1"
_ROUNDS = 2  # in which what is written to caches is spread over a design that this pays for
USEFUL_GAP = 0.20  # as large as a published one: a study that finds only larger ones finds few


@dataclass(frozen=True, slots=True)
class Question:
    """What a design is asked for.

    Attributes:
        wish: a budget, or a gap.
        queries: how many there are; None for those of the experiment.
        target: what the result is to be about; None for what the experiment file says.
        outcomes: how answers vary, of all models and cells that `measured` has nothing of.
        measured: of a model and cell.
        judge_error: the sensitivity and specificity of the judge; None for one without errors.
        concurrency: requests in flight, at most.
        limits: of each model.
        seconds: until when it is to be done; None for any time.
    """

    wish: Wish
    queries: int | None = None
    target: Target | None = None
    outcomes: Outcomes = ASSUMED
    measured: Mapping[tuple[str, str], Outcomes] | None = None
    judge_error: tuple[float, float] | None = None
    concurrency: int = 10
    limits: AccountLimits = NO_LIMITS
    seconds: float | None = None

    def find_outcomes(self, model: str, within: str) -> Outcomes:
        """Return how answers vary in a cell, as the judge sees them."""
        found = (self.measured or {}).get((model, within), self.outcomes)
        return found.judged_with(*self.judge_error) if self.judge_error else found


@dataclass(frozen=True, slots=True)
class StudyDesign:
    """What a budget can show, or what a gap costs.

    Attributes:
        experiment: with all models.
        question: what was asked.
        compared: the factor whose levels are compared.
        names: written name -> name, of the models.
        bases: written name -> what the lengths of answers rest on.
        sources: written name -> which calls these are, where they were measured.
        cells: what each model costs in each cell of the other factors.
        rows: the table.
        alternatives: to the whole experiment.
        warnings: what a reader must know.
        speeds: how fast each model is, judges included, by its name with its provider; of those
            that are asked in batches none.
        ways: how each model is asked, by its name with its provider.
    """

    experiment: Experiment
    question: Question
    compared: str
    names: dict[str, str]
    bases: dict[str, tuple[str, ...]]
    sources: dict[str, tuple[str, ...]]
    cells: tuple[CellCost, ...]
    rows: tuple[Row, ...]
    alternatives: tuple[Alternative, ...]
    warnings: tuple[str, ...]
    speeds: dict[str, Speed]
    ways: dict[str, str]

    @property
    def queries(self) -> int:
        """How many queries there are."""
        return self.question.queries or len(self.experiment.queries)

    @property
    def target(self) -> Target:
        """What the result is to be about."""
        return self.question.target or self.experiment.spec.target

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels that are compared."""
        return tuple(self.experiment.spec.factors[self.compared])

    @property
    def has_none(self) -> bool:
        """Whether no row has a design."""
        return not any(row.like_these or row.these for row in self.rows)

    def find_cheapest(self, gap: float = USEFUL_GAP) -> tuple[Row, Design] | None:
        """Return the cheapest design that finds a gap in queries like these; None without any.

        It takes the queries that there are or, where they do not do, more.
        """
        wish = Wish(gap=gap)
        found = [
            (row, design)
            for row in self.rows
            if row.queries in (self.queries, None)
            and (design := wish.find_design(row.choice, row.queries, Target.LIKE_THESE))
        ]
        return min(found, key=lambda each: each[1].cost * each[0].choice.range_factor, default=None)

    def find_time(self, choice: Choice, design: Design) -> WallTime:
        """Return how long a design of a choice takes."""
        limits = dict.fromkeys(self.speeds, self.question.limits)
        loads = choice.list_loads(design)
        batches = find_batch_times(loads)
        return find_work_time(loads, self.speeds, limits, self.question.concurrency, batches)

    def list_late_rows(self) -> list[Row]:
        """Return the rows with a design that may not be done by the time that was asked for."""
        if (seconds := self.question.seconds) is None:
            return []
        return [
            row
            for row in self.rows
            for found in [[each for each in (row.like_these, row.these) if each]]
            if found and max(self.find_time(row.choice, each).high for each in found) > seconds
        ]

    @property
    def default_row(self) -> Row:
        """The row of the whole experiment with the queries that there are."""
        own = [each for each in self.rows if each.queries == self.queries]
        return own[-1]

    @property
    def curves(self) -> tuple[Curve, ...]:
        """Which gap is found for how much money, of each choice in the table."""
        return find_curves(list(dict.fromkeys(row.choice for row in self.rows)), self.queries)

    def to_json(self) -> dict[str, Any]:
        """Return the design as JSON; money in US dollars, gaps from 0 to 1."""
        wish, first = self.question.wish, self.rows[-1].choice.outcomes
        return {
            "schema": DESIGN_SCHEMA,
            "experiment": self.experiment.name,
            "budget_usd": None if wish.budget is None else f"{wish.budget:.2f}",
            "mde": wish.gap,
            "alpha": ALPHA,
            "power": POWER,
            "compared": self.compared,
            "levels": list(self.levels),
            "queries": self.queries,
            "target": self.target.value,
            "variance": {
                "between": first.variance.between,
                "within": list(first.variance.within),
                "source": first.source,
            },
            "costs": [
                {
                    "model": each.model,
                    "within": each.within,
                    "likely_usd": f"{each.likely:.8f}",
                    "q95_usd": f"{each.high:.8f}",
                    "judges_usd": f"{each.judges:.8f}",
                    "basis": list(self.bases[each.model]),
                }
                for each in self.cells
            ],
            "rows": [row.to_json(self.find_time) for row in self.rows],
            "concurrency": self.question.concurrency,
            "requests_per_minute": self.question.limits.requests,
            "tokens_per_minute": self.question.limits.tokens,
            "speeds": speeds_to_json(self.speeds),
            "ways": self.ways,
            "late_rows": [row.number for row in self.list_late_rows()],
            "alternatives": [each.to_json() for each in self.alternatives],
            "curves": [each.to_json() for each in self.curves],
            "warnings": list(self.warnings),
        }


Estimator = Callable[[Overrides, EstimateOptions], Estimate]


def design_study(  # noqa: PLR0913 - what is asked of what, and how it is estimated
    source: str,
    day: date,
    question: Question,
    overrides: Overrides = Overrides(),
    options: EstimateOptions = EstimateOptions(),  # noqa: B008 - it is frozen
    history: History | None = None,
    find_calls: Callable[[Estimate], Mapping[StratumKey, MeasuredCalls]] | None = None,
    find_timed: Callable[[Estimate], Mapping[str, Speed]] | None = None,
) -> StudyDesign:
    """Return what an experiment's designs can show for a budget, or cost for a gap.

    Each model is estimated alone, so that its judges' cost is told from that of others.

    Args:
        source: path of an experiment file, or `builtin:NAME`.
        day: today.
        question: what is asked.
        overrides: what the command line changes in the experiment.
        options: how it is estimated.
        history: billed usage that lengths are taken from.
        find_calls: finds the calls of a run on which a forecast rests, before the history; None
            where there is none.
        find_timed: finds how fast its models are, as far as calls were timed; None where none were.

    Raises:
        BadExperiment: it compares nothing.
    """
    known: Mapping[StratumKey, MeasuredCalls] = {}

    def estimate(changed: Overrides, how: EstimateOptions) -> Estimate:
        return estimate_experiment(source, day, changed, how, history=history, own=known)

    whole = estimate(overrides, options)
    if find_calls is not None and (known := find_calls(whole)):
        whole = estimate(overrides, options)
    experiment = whole.experiment
    compared = _find_compared(experiment)
    alone = [replace(overrides, **_choose(overrides, name)) for name in experiment.spec.models]
    estimates = [estimate(each, options) for each in alone] if len(alone) > 1 else [whole]
    cells = tuple(cell for each in estimates for cell in find_cell_costs(each, compared))
    outcomes = {
        (each.model, each.within): question.find_outcomes(each.model, each.within) for each in cells
    }
    pairs = len(list_pairs(tuple(experiment.spec.factors[compared])))
    choices = tuple(list_choices(cells, outcomes, pairs))
    queries = question.queries or len(experiment.queries)
    target = question.target or experiment.spec.target
    batch = _find_batch_costs(alone, options, estimate, compared)
    cached = _find_cached_costs(alone, options, estimate, compared)
    for _ in range(_ROUNDS):
        design = question.wish.find_design(replace(choices[-1], cells=cached), queries, target)
        if design is None or _sum_likely(cached) >= _sum_likely(cells):
            break
        sized = [_size(each, design, len(experiment.queries)) for each in alone]
        cached = _find_cached_costs(sized, options, estimate, compared)
    rows = build_rows(choices, question.wish, queries)
    return StudyDesign(
        experiment,
        question,
        compared,
        {name: str(whole.plan.models[name].name) for name in experiment.spec.models},
        {name: _list_bases(whole, name) for name in experiment.spec.models},
        {name: _list_sources(whole, name) for name in experiment.spec.models},
        cells,
        rows,
        tuple(list_alternatives(choices, question.wish, queries, target, batch, cached)),
        (*_warn_of_rare_outcomes(choices[-1].outcomes, queries), *whole.plan.warnings),
        find_speeds(
            dict.fromkeys(
                load.model for cell in cells for load in cell.loads if not load.in_batches
            ),
            find_timed(whole) if find_timed else None,
        ),
        {str(model.name): find_way(model).value for model in whole.plan.models.values()},
    )


def _find_compared(experiment: Experiment) -> str:
    """Return the factor whose levels are compared.

    Raises:
        BadExperiment: there is none, or it has one level.
    """
    spec = experiment.spec
    compared = spec.compared
    if compared is None or len(spec.factors[compared]) < 2:  # noqa: PLR2004 - a gap is between two
        raise BadExperiment(
            f"{experiment.path}: a design is of the gap between two levels of a factor; "
            f"{f'{compared!r} has one level' if compared else 'there is no factor'}. "
            "Write `factors:` with what is to be compared"
        )
    return compared


def _choose(overrides: Overrides, name: str) -> dict[str, Any]:
    """Return the overrides that leave one model, by what the file calls it."""
    called = dict(zip(overrides.models, overrides.written, strict=False))
    return {"models": (name,), "written": (called[name],) if name in called else ()}


def _find_batch_costs(
    alone: list[Overrides], options: EstimateOptions, estimate: Estimator, compared: str
) -> tuple[CellCost, ...] | None:
    """Return what the cells cost at batch prices; None where a price is not known."""
    try:
        found = [estimate(replace(each, batch=True), options) for each in alone]
    except (PricingError, EstimatorError):
        return None
    if not any(model.offer.is_batch for each in found for model in each.plan.models.values()):
        return None
    return tuple(cell for each in found for cell in find_cell_costs(each, compared))


def _sum_likely(cells: Sequence[CellCost]) -> float:
    return sum(each.likely for each in cells)


def _size(overrides: Overrides, design: Design, queries: int) -> Overrides:
    """Return overrides with the size of a design, as what a cache is written for is read more."""
    limit = design.queries if design.queries < queries else overrides.limit
    return replace(overrides, samples=design.samples, limit=limit)


def _find_cached_costs(
    alone: list[Overrides], options: EstimateOptions, estimate: Estimator, compared: str
) -> tuple[CellCost, ...]:
    """Return what the cells cost with `cache: auto`."""
    found = [estimate(each, replace(options, cache=True)) for each in alone]
    return tuple(cell for each in found for cell in find_cell_costs(each, compared))


def _list_bases(estimate: Estimate, model: str) -> tuple[str, ...]:
    strata = estimate.plan.strata
    return tuple(sorted({each.basis for each in strata if each.model == model}))


def _list_sources(estimate: Estimate, model: str) -> tuple[str, ...]:
    strata = [each for each in estimate.plan.strata if each.model == model]
    return tuple(dict.fromkeys(each.source for each in strata if each.basis == "history"))


def _warn_of_rare_outcomes(outcomes: Outcomes, queries: int) -> list[str]:
    if not outcomes.is_rare(queries):
        return []
    rate = min(outcomes.rates or ())
    said = (
        f"{queries:,} queries at a rate of {rate:.2g}: fewer than 5 positive answers are expected; "
        "the test then finds a gap in nothing less often than 5%, and is less sure than it says"
    )
    return [said]
