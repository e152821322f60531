"""The forecast of what is left of a plan: by the lengths that the plan's own forecast rests on."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from estimator.forecast.forecast import forecast_cost
from estimator.forecast.output_length import OutputLength, student_t_quantile
from estimator.forecast.stratum import Forecast, Stratum
from estimator.forecast.stratum_lengths import forecast_output_lengths
from estimator.workload import PlannedModel, Rest
from experiment.definition import Experiment

_MANY_DF = 30.0  # a plan does not say how many answers were measured; the range barely shows it


def forecast_rest(
    experiment: Experiment,
    models: dict[str, PlannedModel],
    planned: Iterable[Stratum],
    rest: Rest,
) -> Forecast:
    """Forecast what the requests that are not answered cost.

    Args:
        experiment: what is measured.
        models: written name -> planned model.
        planned: the strata of the plan.
        rest: what is left of it.
    """
    lengths = forecast_output_lengths(experiment, models, None)
    for stratum in planned:
        if stratum.basis == "history" and stratum.requests:
            lengths[stratum.key] = _read_length(stratum, lengths[stratum.key])
    return forecast_cost(rest.tallies, lengths, models)


def _read_length(stratum: Stratum, prior: OutputLength) -> OutputLength:
    """Return the measured length that a stratum's forecast was made with.

    Its 90 % range is exp(2 s t_df(0.95)) wide, see `OutputLength.quantile`.
    """
    output = stratum.output
    mean = max(output.mean / stratum.requests, 1e-9)
    wide = output.q95 / output.q05 if output.q05 > 0 else 1.0
    sigma = math.log(max(wide, 1.0)) / (2 * student_t_quantile(_MANY_DF, 0.95))
    length = OutputLength(mean, sigma, _MANY_DF, "history", prior.kind, stratum.source)
    return replace(length, cv_squared=prior.cv_squared, visible=prior.visible, shown=prior.shown)
