"""The forecast of the part of a plan that was run: what a partial run is compared with.

Each stratum's likely cost and how far its quantiles lie from it are kept in proportion to the
requests that were answered, as in the forecast of what is left (`rest`). For measured lengths this
is somewhat narrow where little was run: that answers differ matters more among few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from estimator.forecast.rest import find_deviation
from estimator.forecast.stratum import QUANTILES, CostRange, Forecast, Stratum
from estimator.forecast.uncertainty import UncertainCost, add_up, find_agreement
from estimator.workload import StratumKey
from pricing.money import Money


def forecast_part(
    planned: Sequence[Stratum], total: CostRange, answered: Mapping[StratumKey, int]
) -> Forecast:
    """Return the forecast of the requests that were answered.

    Args:
        planned: the strata of the plan.
        total: of the plan.
        answered: stratum -> how many of its requests are.
    """
    agreement = find_agreement(planned, total)
    return add_up([_scale(each, answered.get(each.key, 0)) for each in planned], agreement)


def find_share(stratum: Stratum, answered: int) -> float:
    """Return which share of a stratum's expected requests is answered; a judge's may exceed 1."""
    expected = stratum.requests if stratum.expected is None else stratum.expected
    return answered / expected if expected else 0.0


def _scale(stratum: Stratum, answered: int) -> UncertainCost:
    share = find_share(stratum, answered)
    ceiling = Money(round(stratum.cost.ceiling.pico * max(share, 0.0)))
    cost = replace(stratum.cost, mean=stratum.cost.mean * share, ceiling=ceiling)
    loose = {name: find_deviation(stratum.cost, name) * share for name in QUANTILES}
    return UncertainCost(replace(stratum, cost=cost), loose)
