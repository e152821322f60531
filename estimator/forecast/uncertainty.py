"""Uncertainty: the cost of several strata together, as a range.

What was measured is pooled (`pooling`). What was not errs in the same direction everywhere, so
that its quantiles add; but of several models only a part of the error is common. The two are
independent: their deviations from the mean add in squares.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist

from estimator.forecast.pooling import MeasuredStratum, pool_costs, split_variance
from estimator.forecast.stratum import QUANTILES, CostRange, Forecast, Stratum
from pricing.money import Money

_NORMAL = NormalDist()
_NEAR_MEAN = 0.15  # in shares of it; a quantile this near says nothing of the width
_WIDTH = 2 * 1.6448536  # of a 90 % range, in standard deviations


@dataclass(frozen=True, slots=True)
class PriorError:
    """How the prior of a model errs, together with those of other models.

    Attributes:
        model: of which; at any provider.
        sigma: the standard deviation of the logarithm of its mean length.
        common: the part of that which all models share.
    """

    model: str
    sigma: float
    common: float

    def correlate(self, other: PriorError) -> float:
        """Return the correlation of two means: of lognormals with a common part."""
        if self.model == other.model:
            return 1.0
        variances = math.expm1(self.sigma**2) * math.expm1(other.sigma**2)
        common = math.expm1(self.common * other.common)
        return min(common / math.sqrt(variances), 1.0) if variances > 0 else 1.0


@dataclass(frozen=True, slots=True)
class UncertainCost:
    """What a stratum costs: its mean, and what of it is how uncertain.

    Attributes:
        stratum: with its mean cost and ceiling; its quantiles are not looked at.
        loose: quantile -> how far the part that no call measured lies from its mean there.
        measured: the parts that calls measured, in US dollars.
        error: how the loose part errs with others; None where it does with all of them.
    """

    stratum: Stratum
    loose: Mapping[str, float]
    measured: Sequence[MeasuredStratum] = field(default=())
    error: PriorError | None = None


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
    for name, p in QUANTILES.items():
        loose = _join_loose([(each.error, each.loose[name]) for each in costs], p, agreement)
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


def _join_loose(
    parts: Sequence[tuple[PriorError | None, float]], p: float, agreement: float
) -> float:
    """Return how far parts together lie from their mean, each with how its prior errs.

    Those of several models together are narrower than their sum: as a lognormal with the variance
    that their correlations give is narrower than one in which all of it is common.

    Args:
        parts: of each stratum.
        p: the quantile.
        agreement: see `add_up`.
    """
    if agreement != 1:
        return _join((each for _, each in parts), agreement)
    by_error: defaultdict[PriorError | None, float] = defaultdict(float)
    for error, deviation in parts:
        by_error[error] += deviation
    rest = by_error.pop(None, 0.0)
    added = sum(by_error.values())
    is_one = len({error.model for error in by_error if error}) == 1
    if is_one or not added:
        return rest + added
    joint = sum(d * _sum_correlated(error, by_error) for error, d in by_error.items())
    sigma = sum(error.sigma * d for error, d in by_error.items() if error) / added
    return rest + added * _narrow(sigma, max(joint, 0.0) / added**2, p)


def _narrow(sigma: float, share: float, p: float) -> float:
    """Return how much nearer to the mean a quantile of a lognormal lies with less variance.

    Args:
        sigma: of its logarithm.
        share: of the variance that is left.
        p: the quantile.
    """
    less = math.sqrt(math.log1p(share * math.expm1(sigma**2)))
    before, after = (_deviate(each, p) for each in (sigma, less))
    if abs(before) < _NEAR_MEAN:
        return math.sqrt(share)
    return after / before


def _deviate(sigma: float, p: float) -> float:
    """Return how far a quantile of a lognormal with a mean of 1 lies from it."""
    return math.expm1(sigma * _NORMAL.inv_cdf(p) - sigma**2 / 2)


def _sum_correlated(error: PriorError | None, by_error: Mapping[PriorError | None, float]) -> float:
    """Return the sum of parts, each times its correlation with one; None correlates with all."""
    return sum(
        each * (1.0 if error is None or other is None else error.correlate(other))
        for other, each in by_error.items()
    )


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
    by_error: defaultdict[PriorError | None, float] = defaultdict(float)
    for cost, each in zip(costs, loose, strict=True):
        by_error[cost.error] += each
    together = {error: _sum_correlated(error, by_error) for error in by_error}
    found = [each * together[cost.error] for cost, each in zip(costs, loose, strict=True)]
    for at, variance in zip(owner, split_variance(parts), strict=True):
        found[at] += variance
    found = [max(each, 0.0) for each in found]
    total = sum(found)
    return [round(each / total, 4) if total > 0 else None for each in found]
