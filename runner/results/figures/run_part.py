"""The part of a plan that was run, with what it was forecast to cost.

A complete run is compared with its plan. A partial one is compared with the share of the plan that
was run, because all of it is neither spent nor answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from estimator.forecast import (
    CostRange,
    Forecast,
    Stratum,
    find_share,
    forecast_part,
    join_bases,
)
from estimator.plan import Plan
from pricing.money import Money
from runner.results.figures.stratum_actual import StratumActual

_SHOWN = ("mean", "q05", "q50", "q95")
Strata = Sequence[tuple[Stratum, StratumActual]]


@dataclass(frozen=True, slots=True)
class PartRun:
    """What of a plan was run.

    Attributes:
        strata: each planned one with what it came to.
        forecast: of what was run: of each stratum, each stage of a model, and of all.
        shares: of each stratum's expected requests, how many are answered; 1 in a complete run.
    """

    strata: Strata
    forecast: Forecast
    shares: tuple[float, ...]

    def stratum_json(self, number: int) -> dict[str, Any]:
        """Return what one stratum's run part was forecast to cost, and whether it held."""
        planned, actual = self.strata[number]
        held = range_json(self.forecast.strata[number].cost, actual.cost)
        return {"share": round(self.shares[number], 6), "basis": planned.basis, **held}

    def total_json(self) -> dict[str, Any]:
        """Return what all that was run was forecast to cost, and in how many strata that held."""
        held = [self.stratum_json(number)["inside"] for number in range(len(self.strata))]
        ranged = [each for each in held if each is not None]
        return range_json(self.forecast.total, self.cost) | {
            "basis": join_bases({planned.basis for planned, _ in self.strata}),
            "strata": len(ranged),
            "strata_inside": sum(ranged),
        }

    @property
    def cost(self) -> Money:
        """What the answers that the plan counts came to."""
        return sum((actual.cost for _, actual in self.strata), Money())


def compare_part(plan: Plan, strata: Strata, *, is_complete: bool) -> PartRun:
    """Return what of a plan was run.

    Args:
        plan: of the run.
        strata: each planned one with what it came to.
        is_complete: whether all of it was.
    """
    if is_complete:
        whole = Forecast(plan.strata, plan.groups, plan.total)
        return PartRun(strata, whole, (1.0,) * len(strata))
    answered = {planned.key: actual.requests for planned, actual in strata}
    return PartRun(
        strata,
        forecast_part(plan.strata, plan.total, answered),
        tuple(find_share(planned, actual.requests) for planned, actual in strata),
    )


def range_json(cost: CostRange, actual: Money) -> dict[str, Any]:
    """Return a cost's likely value and 90 % range, and whether the actual one is inside it."""
    figures = cost.to_json()
    is_inside = cost.q05 <= actual.as_float <= cost.q95 if cost.q95 > cost.q05 else None
    return {name: figures[name] for name in _SHOWN} | {"inside": is_inside}
