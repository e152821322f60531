"""The forecast of what is left of a plan: by what the plan's own forecast rests on.

A plan does not keep the calls that were measured for it, but how wide the range of each stratum is,
and that of the total; both are kept in proportion.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from estimator.forecast.forecast import forecast_strata
from estimator.forecast.output_length import MEASURED, OutputLength
from estimator.forecast.stratum import QUANTILES, CostRange, Forecast, Stratum
from estimator.forecast.stratum_lengths import forecast_output_lengths
from estimator.forecast.uncertainty import UncertainCost, add_up, find_agreement
from estimator.workload import PlannedModel, Rest
from experiment.definition import Experiment

# How far these lie from the median of a normal distribution, where q05 and q95 lie at 1.
_WIDTHS = {"q025": 1.1915, "q25": 0.4101, "q75": 0.4101, "q975": 1.1915}


def forecast_rest(
    experiment: Experiment,
    models: dict[str, PlannedModel],
    planned: Iterable[Stratum],
    rest: Rest,
    total: CostRange | None = None,
) -> Forecast:
    """Forecast what the requests that are not answered cost.

    Args:
        experiment: what is measured.
        models: written name -> planned model.
        planned: the strata of the plan.
        rest: what is left of it.
        total: of the plan; None where its strata err in the same direction.
    """
    strata = {stratum.key: stratum for stratum in planned}
    lengths = forecast_output_lengths(experiment, models)
    measured = {key for key, each in strata.items() if each.basis in MEASURED and each.requests}
    for key in measured:
        lengths[key] = _read_length(strata[key], lengths[key])
    costs = [
        _scale_range(each, strata[each.stratum.key])
        if {each.stratum.key, *rest.tallies[each.stratum.key].judged_answers} & measured
        else each
        for each in forecast_strata(rest.tallies, lengths, models)
    ]
    agreement = find_agreement(list(strata.values()), total) if total and measured else 1.0
    return add_up(costs, agreement)


def _read_length(stratum: Stratum, prior: OutputLength) -> OutputLength:
    """Return the measured mean that a stratum's forecast was made with."""
    mean = max(stratum.output.mean / (stratum.expected or stratum.requests), 1e-9)
    return replace(
        prior, mean=mean, sigma=0.0, basis=stratum.basis, source=stratum.source, billed=mean
    )


def _scale_range(cost: UncertainCost, planned: Stratum) -> UncertainCost:
    """Return what is left of a stratum with a range as wide as the plan's, in proportion."""
    uncertain = planned.requests - (planned.own_answers or 0)
    share = min(cost.stratum.requests / uncertain, 1.0) if uncertain else 0.0
    return replace(
        cost, loose={name: find_deviation(planned.cost, name) * share for name in QUANTILES}
    )


def find_deviation(cost: CostRange, name: str) -> float:
    """Return how far a quantile lies from the mean; in plans of before by the 90 % range."""
    known: float | None = getattr(cost, name)
    if known is not None:
        return known - cost.mean
    edge = cost.q05 if name in ("q025", "q25") else cost.q95
    return cost.q50 - cost.mean + _WIDTHS[name] * (edge - cost.q50)
