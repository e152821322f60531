"""The output length of every stratum: from billed usage where there is some, else a prior."""

from __future__ import annotations

from dataclasses import replace

from estimator.forecast.history import History
from estimator.forecast.output_length import OutputLength, length_from_history
from estimator.forecast.priors import prior_length
from estimator.workload import PlannedModel, StratumKey
from experiment.definition import Experiment, list_uses


def forecast_output_lengths(
    experiment: Experiment, models: dict[str, PlannedModel], history: History | None
) -> dict[StratumKey, OutputLength]:
    """Return the expected output length of every stratum.

    Args:
        experiment: what is measured.
        models: written name -> planned model.
        history: billed usage of earlier runs; it takes precedence in the strata that it covers.
    """
    lengths = {}
    for use in list_uses(experiment.spec):
        key, model = StratumKey(use.stage, use.model, use.condition.name), models[use.model]
        length = prior_length(experiment.spec, use, model)
        if history and (billed := history.means_for_stratum(key, model)):
            source = f"{len(billed)} queries of {history.source}"
            queries = len(experiment.queries)
            found = length_from_history(billed, queries, use.samples, length.kind, source)
            length = _with_prior_shape(found, length)
        lengths[key] = length
    return lengths


def _with_prior_shape(billed: OutputLength, prior: OutputLength) -> OutputLength:
    """Return a billed length with what bills do not say: its spread, and how much of it is seen."""
    seen = min(1.0, prior.visible * prior.mean / billed.mean) if prior.visible < 1 else 1.0
    return replace(billed, cv_squared=prior.cv_squared, visible=seen, shown=prior.shown)
