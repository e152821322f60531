"""Uncertainty: the cost of several strata together, as a range.

What was measured is pooled (`pooling`). What was not errs in the same direction everywhere, so
that its quantiles add. The two are independent: their deviations from the mean add in squares.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from estimator.forecast.pooling import MeasuredStratum, pool_costs, split_variance
from estimator.forecast.stratum import QUANTILES, CostRange, Forecast, Stratum
from pricing.money import Money

_WIDTH = 2 * 1.6448536  # of a 90 % range, in standard deviations


@dataclass(frozen=True, slots=True)
class UncertainCost:
    """What a stratum costs: its mean, and what of it is how uncertain.

    Attributes:
        stratum: with its mean cost and ceiling; its quantiles are not looked at.
        loose: quantile -> how far the part that no call measured lies from its mean there.
        measured: the parts that calls measured, in US dollars.
    """

    stratum: Stratum
    loose: Mapping[str, float]
    measured: Sequence[MeasuredStratum] = field(default=())


def add_up(costs: Sequence[UncertainCost], agreement: float = 1.0) -> Forecast:
    """Return the forecast of strata, of each (stage, model), and of the total.

    Args:
        costs: of each stratum.
        agreement: how far the loose parts err in the same direction, from 0 to 1.
    """
    shares = _find_variance_shares(costs)
    strata = tuple(
        replace(each.stratum, cost=sum_costs([each], agreement), variance_share=share)
        for each, share in zip(costs, shares, strict=True)
    )
    groups: dict[tuple[str, str], list[UncertainCost]] = {}
    for each in costs:
        groups.setdefault((each.stratum.stage, each.stratum.model), []).append(each)
    return Forecast(
        strata,
        {pair: sum_costs(each, agreement) for pair, each in groups.items()},
        sum_costs(costs, agreement),
    )


def sum_costs(costs: Sequence[UncertainCost], agreement: float = 1.0) -> CostRange:
    """Return the cost of strata as a range."""
    mean = sum(each.stratum.cost.mean for each in costs)
    ceiling = sum((each.stratum.cost.ceiling for each in costs), Money())
    measured = find_deviations([part for each in costs for part in each.measured])
    top, found = ceiling.as_float, {}
    for name in QUANTILES:
        loose = _join((each.loose[name] for each in costs), agreement)
        found[name] = min(mean + _join_apart(loose, measured[name]), top)
    return CostRange(mean, ceiling=ceiling, **found)


def find_deviations(measured: Sequence[MeasuredStratum]) -> dict[str, float]:
    """Return how far the quantiles of measured parts together lie from their mean."""
    if not measured:
        return dict.fromkeys(QUANTILES, 0.0)
    pooled = pool_costs(measured)
    return {name: pooled.quantile(p) - pooled.mean for name, p in QUANTILES.items()}


def join_deviations(loose: Mapping[str, float], measured: Mapping[str, float]) -> dict[str, float]:
    """Return how far the quantiles of two independent parts together lie from their mean."""
    return {name: _join_apart(loose[name], measured[name]) for name in loose}


def find_agreement(strata: Sequence[Stratum], total: CostRange) -> float:
    """Return how far strata err in the same direction, by their ranges and that of their total.

    The inverse of `sum_costs`: 1 where their quantiles add, 0 where their squares do.
    """
    found: list[float] = []
    for name in ("q05", "q95"):
        each = [float(getattr(s.cost, name)) - s.cost.mean for s in strata]
        squares, square = math.fsum(d * d for d in each), math.fsum(each) ** 2
        if square > squares > 0:
            of_total = (getattr(total, name) - total.mean) ** 2
            found.append((of_total - squares) / (square - squares))
    if not found:
        return 1.0
    return min(max(round(sum(found) / len(found), 6), 0.0), 1.0)


def _join(deviations: Iterable[float], agreement: float) -> float:
    each = list(deviations)
    together = sum(each)
    if agreement == 1:
        return together
    squares = sum(d * d for d in each)
    joint = squares + agreement * (together * together - squares)
    return math.copysign(math.sqrt(max(joint, 0.0)), together)


def _join_apart(one: float, other: float) -> float:
    if one * other < 0:
        return one + other
    return math.copysign(math.hypot(one, other), one + other)


def _find_variance_shares(costs: Sequence[UncertainCost]) -> list[float | None]:
    """Return each stratum's share of the variance of the total; None where nothing is uncertain."""
    parts = [part for each in costs for part in each.measured]
    owner = [at for at, each in enumerate(costs) for _ in each.measured]
    loose = [(each.loose["q95"] - each.loose["q05"]) / _WIDTH for each in costs]
    found = [each * sum(loose) for each in loose]
    for at, variance in zip(owner, split_variance(parts), strict=True):
        found[at] += variance
    found = [max(each, 0.0) for each in found]
    total = sum(found)
    return [round(each / total, 4) if total > 0 else None for each in found]
