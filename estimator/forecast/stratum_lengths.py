"""The output length of every stratum: from billed usage where there is some, else a prior."""

from __future__ import annotations

from collections.abc import Iterator

from estimator.forecast.history import History
from estimator.forecast.output_length import OutputLength, length_from_history, prior_length
from estimator.workload import PlannedModel, StratumKey
from experiment.definition import SUBJECT, Condition, Experiment


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
    for key, condition, samples in _list_strata(experiment):
        model = models[key.model]
        length = prior_length(experiment.spec, key, condition, model)
        if history and (billed := history.means_for_stratum(key, model)):
            source = f"{len(billed)} queries of {history.source}"
            queries = len(experiment.queries)
            length = length_from_history(billed, queries, samples, length.kind, source)
        lengths[key] = length
    return lengths


def _list_strata(experiment: Experiment) -> Iterator[tuple[StratumKey, Condition, int]]:
    """Yield every stratum with its condition and its samples of each query."""
    spec = experiment.spec
    stages = [(SUBJECT, model, spec.samples) for model in spec.models]
    stages += [(judge.name, judge.model, judge.samples) for judge in spec.judges]
    for condition in experiment.conditions():
        for stage, model, samples in stages:
            yield StratumKey(stage, model, condition.name), condition, samples
