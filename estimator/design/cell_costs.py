"""Cell costs: what one sample of a query costs in a cell, at all levels that are compared.

A cell is a model at the levels of all other factors, such as claude-sonnet-4.5, cot. Its costs are
those of the estimate of the experiment with that model alone, judges included.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from estimator.forecast import Stratum
from estimator.plan import Estimate
from estimator.wall_time import CallLoad, list_loads
from experiment.definition import SUBJECT, cross_factors


@dataclass(frozen=True, slots=True)
class CellCost:
    """What one sample of a query costs in a cell, in US dollars, at all compared levels together.

    Attributes:
        model: as the experiment writes it.
        within: the levels of the other factors, joined by `/`; empty without any.
        likely: on average.
        high: what it costs at most in 95 % of cases.
        judges: the part of `likely` that the judges cost.
        loads: the calls, of judges too.
    """

    model: str
    within: str
    likely: float
    high: float
    judges: float
    loads: tuple[CallLoad, ...]


def find_cell_costs(estimate: Estimate, compared: str) -> tuple[CellCost, ...]:
    """Return what each cell of an experiment with one model costs.

    Args:
        estimate: of the experiment with one model.
        compared: the factor whose levels are compared.
    """
    experiment = estimate.experiment
    (model,) = experiment.spec.models
    samples = len(experiment.queries) * experiment.spec.samples
    cells: dict[str, list[Stratum]] = defaultdict(list)
    for condition in cross_factors(experiment.spec):
        within = "/".join(v for factor, v in condition.levels.items() if factor != compared)
        cells[within] += [s for s in estimate.plan.strata if s.condition == condition.name]
    spread = _find_shared_spread(estimate)
    models = estimate.plan.models
    return tuple(
        _sum_strata(model, within, own, list_loads(own, models), samples, spread)
        for within, own in cells.items()
    )


def _find_shared_spread(estimate: Estimate) -> float:
    """Return how wide the total's range is, as a share of its strata's ranges added up."""
    added = sum(each.cost.q95 - each.cost.mean for each in estimate.plan.strata)
    total = estimate.plan.total
    return (total.q95 - total.mean) / added if added > 0 else 1.0


def _sum_strata(  # noqa: PLR0913 - what a cell is, and of how many samples
    model: str,
    within: str,
    strata: Sequence[Stratum],
    loads: Sequence[CallLoad],
    samples: int,
    spread: float,
) -> CellCost:
    """Return what a cell's strata cost for one sample of a query; each has its part of the range.

    Args:
        model: as the experiment writes it.
        within: the cell.
        strata: of the cell.
        loads: the calls of these.
        samples: that the strata have of all queries.
        spread: see `_find_shared_spread`.
    """
    subject = [each for each in strata if each.stage == SUBJECT]
    likely = sum(each.cost.mean for each in strata)
    beyond = sum(each.cost.q95 - each.cost.mean for each in strata)
    return CellCost(
        model,
        within,
        likely / samples,
        (likely + spread * beyond) / samples,
        (likely - sum(each.cost.mean for each in subject)) / samples,
        tuple(each.times(1 / samples) for each in loads),
    )
