"""Estimate an experiment's cost and make a plan: the one call behind `afcost estimate`.

The one call behind `afcost estimate`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from pathlib import Path

from estimator.count_cache import default_cache, flush_default_cache
from estimator.forecast import (
    History,
    OutputLength,
    forecast_cost,
    length_from_history,
    price_request,
    prior_length,
)
from estimator.plan.assumptions import list_assumptions, list_warnings
from estimator.plan.plan import Plan
from estimator.plan.price_notes import list_price_notes, list_price_warnings
from estimator.workload import (
    CountedRequest,
    PlannedModel,
    ProgressCallback,
    StratumKey,
    Workload,
    count_workload,
    load_price_book,
    load_workload,
    resolve_models,
    save_workload,
    with_provider_counts,
)
from experiment.definition import (
    BUILTIN_SOURCE,
    SUBJECT,
    Experiment,
    Overrides,
    builtin_folder,
    load_experiment,
)
from pricing.catalog import ModelName
from pricing.money import Money
from pricing.price_book import PriceBook

# Called with a request, its model, its likely cost in US dollars, and the most that it can cost.
RequestCallback = Callable[[CountedRequest, ModelName, float, Money], None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A plan with its experiment, the price book behind it, and the date of the run."""

    plan: Plan
    experiment: Experiment
    book: PriceBook
    run_date: date


def estimate_experiment(  # noqa: PLR0913 - what an estimate is made of
    source: str,
    day: date,
    changes: Overrides = Overrides(),
    run_date: date | None = None,
    history: History | None = None,
    on_request: RequestCallback | None = None,
    *,
    batch: bool = False,
    count: str = "local",
    use_cache: bool = True,
    study: str | None = None,
    on_progress: ProgressCallback = lambda *_: None,
) -> Estimate:
    """Plan an experiment.

    Args:
        source: path of an experiment file, or `BUILTIN_SOURCE`.
        day: today: what is known by then.
        run_date: the day of the run, if another: prices that are announced for it count.
        changes: what the command line changes of the experiment.
        history: billed usage that the forecast rests on where it has the stratum.
        on_request: is called with every request as it is counted, its model, and what it may cost.
        batch: price all requests as batches.
        count: `local` counts here; `provider` asks the models' providers where they count for
            free; `auto` does so for those whose tokenizer nobody else has, where there is a key.
        study: the study that the plan belongs to, if not the experiment's own.
        use_cache: whether an earlier survey of the same experiment will do.
        on_progress: is called now and then with what is being done, how much of it, and of how
            much.

    Raises:
        ExperimentError, PricingError, EstimatorError: before anything was sent or written.
    """
    default_cache().bypass = not use_cache
    experiment = load_experiment(source, changes)
    book = load_price_book(day, experiment)
    models = resolve_models(experiment, book, run_date, batch=batch)
    warnings: list[str] = []
    if count != "local":
        models, warnings = with_provider_counts(experiment, models, count, on_progress)
    lengths = _expected_lengths(experiment, models, history)
    counted = load_workload(experiment, models) if use_cache and on_request is None else None
    if counted is None:
        export = on_request and _make_pricing_callback(on_request, lengths, models)
        counted = count_workload(experiment, models, export, partial(on_progress, "counting"))
        if use_cache:
            save_workload(experiment, models, counted)
    flush_default_cache()
    assumed = [
        *list_assumptions(experiment, models, lengths),
        *list_price_notes(models, day, run_date or day),
    ]
    expectation = forecast_cost(counted.tallies, lengths, models)
    plan = Plan(
        name=experiment.name,
        source=source if source == BUILTIN_SOURCE else str(Path(source).resolve()),
        changes=changes,
        files=digest_files(experiment, counted),
        requests=counted.digest,
        models=models,
        strata=expectation.strata,
        groups=expectation.groups,
        total=expectation.total,
        assumptions=tuple(dict.fromkeys(assumed)),
        study=study or experiment.study,
        warnings=(
            *warnings,
            *list_warnings(models),
            *list_price_warnings(models, book, run_date or day),
        ),
    )
    return Estimate(plan, experiment, book, run_date or day)


def _make_pricing_callback(
    on_request: RequestCallback,
    lengths: dict[StratumKey, OutputLength],
    models: dict[str, PlannedModel],
) -> Callable[[CountedRequest], None]:
    """Return a callback that prices each request; requests of the same size cost the same."""

    @lru_cache(maxsize=4096)
    def request_ceiling(model_name_as_written: str, bound: int, max_tokens: int) -> Money:
        return models[model_name_as_written].reserve.worst_case_cost(bound, max_tokens)

    def price_and_report(counted: CountedRequest) -> None:
        request = counted.request
        top = request_ceiling(request.model, counted.bound, request.max_tokens)
        on_request(
            counted, models[request.model].name, price_request(counted, lengths, models), top
        )

    return price_and_report


def digest_files(experiment: Experiment, workload: Workload) -> dict[str, str]:
    """Return the sha256 of every file that the requests were made from."""
    path = builtin_folder() / "experiment.yaml" if experiment.source == BUILTIN_SOURCE else (
        Path(experiment.source)
    )  # fmt: skip
    own = {path.name: path, experiment.spec.queries.file: (
        experiment.folder / experiment.spec.queries.file
    )}  # fmt: skip
    files = {name: hashlib.sha256(each.read_bytes()).hexdigest() for name, each in own.items()}
    return files | {os.path.normpath(name): digest for name, digest in workload.files.items()}


def _expected_lengths(
    experiment: Experiment, models: dict[str, PlannedModel], history: History | None
) -> dict[StratumKey, OutputLength]:
    spec, lengths = experiment.spec, {}
    stages = [(SUBJECT, model, spec.samples) for model in spec.models]
    stages += [(judge.name, judge.model, judge.samples) for judge in spec.judges]
    for condition in experiment.conditions():
        for stage, model, samples in stages:
            key = (stage, model, condition.name)
            prior = prior_length(spec, key, condition, models[model])
            billed = history.means_for_stratum(key, models[model]) if history else []
            if billed and history:
                source = f"{len(billed)} queries of {history.source}"
                queries = len(experiment.queries)
                lengths[key] = length_from_history(billed, queries, samples, prior.kind, source)
            else:
                lengths[key] = prior
    return lengths
