"""Uncertainty: the cost of several strata together, as a range."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from estimator.forecast.output_length import OutputLength, student_t_quantile
from estimator.forecast.stratum import QUANTILES, CostRange, Stratum
from estimator.workload import StratumKey
from pricing.money import Money


def sum_costs(strata: Sequence[Stratum], lengths: dict[StratumKey, OutputLength]) -> CostRange:
    """Return the cost of strata as a range."""
    mean = sum(stratum.cost.mean for stratum in strata)
    prior = [s for s in strata if not lengths[s.key].is_measured]
    billed = [s for s in strata if lengths[s.key].is_measured]
    ceiling = sum((stratum.cost.ceiling for stratum in strata), Money())

    def quantile(p: float, name: str) -> float:
        together: float = sum(getattr(s.cost, name) - s.cost.mean for s in prior)
        apart = _deviation_at_quantile(billed, lengths, p)
        if together * apart < 0:
            return mean + together + apart
        return mean + math.copysign(math.hypot(together, apart), together + apart)

    top = ceiling.as_float
    found = {name: min(quantile(p, name), top) for name, p in QUANTILES.items()}
    return CostRange(mean, ceiling=ceiling, **found)


def _deviation_at_quantile(
    strata: Iterable[Stratum], lengths: dict[StratumKey, OutputLength], p: float
) -> float:
    """Return how far the sum of measured strata lies from its mean at a quantile.

    mu exp(s2/3 + s t_df(p)) with v = sum v_h, df = v^2 / sum(v_h^2 / df_h), s2 = ln(1 + v/mu^2),
    over the part of the cost that varies.
    """
    mu = v = spread = 0.0
    for stratum in strata:
        length = lengths[stratum.key]
        varies = _varying_cost(stratum, length)
        variance = varies**2 * math.expm1(length.sigma**2)
        mu, v, spread = mu + varies, v + variance, spread + variance**2 / length.df
    if v == 0:
        return 0.0
    s2 = math.log1p(v / mu**2)
    return mu * math.expm1(s2 / 3 + math.sqrt(s2) * student_t_quantile(v * v / spread, p))


def _varying_cost(stratum: Stratum, length: OutputLength) -> float:
    """Return the part of a stratum's mean cost that varies with the length of its answers."""
    factor = length.quantile(0.95) / length.mean - 1
    return max(stratum.cost.q95 - stratum.cost.mean, 0.0) / factor if factor > 0 else 0.0
