"""The output length of every stratum: from billed calls where there are some, else a prior."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from estimator.forecast.history import History, HistoryCall
from estimator.forecast.measured_calls import MeasuredCalls
from estimator.forecast.output_length import OutputLength
from estimator.forecast.priors import is_router, prior_length
from estimator.workload import PlannedModel, StratumKey
from experiment.definition import SUBJECT, Experiment, ExperimentSpec, Use, list_uses

_ENOUGH_OWN = 5  # queries of the study's own, from which on a history says nothing better


def forecast_output_lengths(
    experiment: Experiment,
    models: Mapping[str, PlannedModel],
    measured: Mapping[StratumKey, MeasuredCalls] = {},
) -> dict[StratumKey, OutputLength]:
    """Return the expected output length of every stratum.

    Args:
        experiment: what is measured.
        models: written name -> planned model.
        measured: stratum -> its billed calls; the others have a prior.
    """
    lengths = {}
    for use in list_uses(experiment.spec):
        key = StratumKey(use.stage, use.model, use.condition.name)
        length = prior_length(experiment.spec, use, models[use.model])
        if key in measured:
            limit = limit_of_use(experiment.spec, use)
            length = measured_length(measured[key], length, limit)
        lengths[key] = length
    return lengths


def find_measured_calls(
    experiment: Experiment,
    models: Mapping[str, PlannedModel],
    history: History | None,
    own: Mapping[StratumKey, MeasuredCalls] | None,
) -> dict[StratumKey, MeasuredCalls]:
    """Return the calls that the forecast of each stratum rests on; none where there is a prior.

    Args:
        experiment: what is measured.
        models: written name -> planned model.
        history: billed calls of earlier runs.
        own: the study's own, or of runs found beside it; they come first, but few of them where
            there is a history.
    """
    measured = {}
    numbers = _number_queries(experiment, history) if history else {}
    for use in list_uses(experiment.spec):
        key, model = StratumKey(use.stage, use.model, use.condition.name), models[use.model]
        unpinned = is_router(model.name.provider) and not _is_pinned(use.sampling)
        found = own.get(key) if own else None
        if found is not None and not found.is_own:
            found = replace(found, may_drift=found.may_drift or unpinned)
        if history and (found is None or found.query_count < _ENOUGH_OWN):
            calls, elsewhere = history.find_calls(key, model.name)
            if calls:
                found = _measure_history(calls, numbers, history.source, elsewhere, unpinned)
        if found is not None and len(found.queries):
            measured[key] = found
    return {key: _forget_other_answers(experiment, measured, key) for key in measured}


def _forget_other_answers(
    experiment: Experiment, measured: Mapping[StratumKey, MeasuredCalls], key: StratumKey
) -> MeasuredCalls:
    """Return the calls of a stratum; of a judge that will read other models too, only its output.

    How long the answers were that it read says nothing of the answers of a model without any.
    """
    calls = measured[key]
    models = experiment.spec.models
    if key.stage == SUBJECT or all(
        StratumKey(SUBJECT, model, key.condition) in measured for model in models
    ):
        return calls
    return replace(calls, answer_input=0 * calls.answer_input)


def list_history_warnings(
    experiment: Experiment,
    measured: Mapping[StratumKey, MeasuredCalls],
    history: History | None,
) -> Iterator[str]:
    """Yield what a reader must know of the billed calls that a forecast rests on."""
    if history:
        yield from history.notes
        if not any(calls.basis == "history" for calls in measured.values()):
            yield f"{history.source}: no row is of a stage, model and condition of this experiment"
    for use in list_uses(experiment.spec):
        calls = measured.get(StratumKey(use.stage, use.model, use.condition.name))
        limit = limit_of_use(experiment.spec, use)
        if calls is not None and (cut := calls.count_censored(limit)):
            yield (
                f"{use.stage} {use.model} {use.condition.name}: {cut:,} of "
                f"{len(calls.output):,} measured answers ended at a smaller max_tokens than "
                f"{limit:,}, so the forecast may be too low"
            )


def limit_of_use(spec: ExperimentSpec, use: Use) -> int:
    """Return the most output tokens of an answer, over all of its turns."""
    turns = spec.answer.turns if use.stage == SUBJECT else 1
    return int(use.sampling["max_tokens"]) * turns


def measured_length(calls: MeasuredCalls, prior: OutputLength, limit: int) -> OutputLength:
    """Return a billed length, with what bills do not say: its shape, and how much of it is seen.

    Args:
        calls: at least one.
        prior: of the stratum.
        limit: the most output tokens of an answer of the plan.
    """
    mean = float(calls.output.mean())
    seen = min(1.0, prior.visible * prior.mean / mean) if prior.visible < 1 else 1.0
    return replace(
        prior,
        mean=mean,
        sigma=0.0,
        basis=calls.basis,
        source=calls.source,
        visible=seen,
        most=float("inf"),
        billed=float(calls.output.clip(max=limit).mean()),
        answer_input=float(calls.answer_input.mean()) if calls.answer_input.any() else None,
    )


def _number_queries(experiment: Experiment, history: History) -> dict[str, int]:
    """Return the number of each query of a history; those of the experiment keep theirs."""
    size = len(experiment.queries)
    if history.has_numbers:
        known = {str(number): number for number in range(size)}
    else:
        known = {text: number for number, text in enumerate(experiment.queries)}
    others = [label for label in history.labels if label not in known]
    return known | {label: size + number for number, label in enumerate(others)}


def _measure_history(
    calls: list[HistoryCall],
    numbers: Mapping[str, int],
    source: str,
    elsewhere: bool,  # noqa: FBT001 - of the two kinds of drift
    unpinned: bool,  # noqa: FBT001
) -> MeasuredCalls:
    import numpy as np  # noqa: PLC0415 - slow to import, and only for measured calls

    queries = np.array([numbers[call.query] for call in calls], dtype=np.int64)
    number = len(np.unique(queries))
    said = f"{number:,} {'query' if number == 1 else 'queries'} of {source}"
    if elsewhere:
        said += ", of another provider, so wider"
    elif unpinned:
        said += ", of a router that is not pinned, so wider"
    return MeasuredCalls(
        queries=queries,
        output=np.array([call.output for call in calls], dtype=np.int64),
        answer_input=np.zeros(len(calls)),
        limits=np.array([call.limit for call in calls], dtype=np.int64),
        is_cut=np.array([call.is_cut for call in calls], dtype=np.bool_),
        basis="history",
        source=said,
        may_drift=elsewhere or unpinned,
    )


def _is_pinned(sampling: Mapping[str, Any]) -> bool:
    """Return whether a request says which of a router's providers answers it."""
    route = sampling.get("provider")
    if not isinstance(route, dict):
        return False
    only, order = route.get("only") or [], route.get("order") or []
    return len(only) == 1 or (len(order) == 1 and route.get("allow_fallbacks") is False)
