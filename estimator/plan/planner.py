"""Estimating: from an experiment to a plan. The one call behind `afcost estimate`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from pathlib import Path

from estimator.count_cache import counts, flush
from estimator.forecast.forecast import forecast, mean_cost
from estimator.forecast.history import History
from estimator.forecast.output_length import Length, expected, measured
from estimator.plan.assumptions import list_assumptions, list_warnings
from estimator.plan.plan import Plan
from estimator.plan.price_notes import price_notes, price_warnings
from estimator.workload.count_requests import survey
from estimator.workload.planned_model import PlannedModel
from estimator.workload.provider_counts import Progress, asked
from estimator.workload.resolve_models import price_book, resolve_models
from estimator.workload.tally import Counted, Key, Survey
from estimator.workload.tally_cache import keep, recall
from experiment.definition.experiment import BUILTIN, Changes, Experiment
from experiment.definition.loader import builtin_folder, load
from experiment.definition.schema import SUBJECT
from pricing.catalog.model_names import ModelName
from pricing.money import Money
from pricing.price_book import PriceBook

# Called with a request, its model, its likely cost in US dollars, and the most that it can cost.
Each = Callable[[Counted, ModelName, float, Money], None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A plan, the experiment that it was made from, the book that priced it, and for which day."""

    plan: Plan
    experiment: Experiment
    book: PriceBook
    on: date


def estimate(  # noqa: PLR0913 - what an estimate is made of
    source: str,
    day: date,
    changes: Changes = Changes(),
    on: date | None = None,
    history: History | None = None,
    each: Each | None = None,
    *,
    batch: bool = False,
    count: str = "local",
    remember: bool = True,
    study: str | None = None,
    progress: Progress = lambda *_: None,
) -> Estimate:
    """Plan an experiment.

    Args:
        source: path of an experiment file, or `experiment.file.BUILTIN`.
        day: today: what is known by then.
        on: the day of the run, if another: prices that are announced for it count.
        changes: what the command line changes of the experiment.
        history: billed usage that the forecast rests on where it has the stratum.
        each: is called with every request as it is counted, its model, and what it may cost.
        batch: price all requests as batches.
        count: `local` counts here; `provider` asks the models' providers where they count for
            free; `auto` does so for those whose tokenizer nobody else has, where there is a key.
        study: the study that the plan belongs to, if not the experiment's own.
        remember: whether an earlier survey of the same experiment will do.
        progress: is called now and then with what is being done, how much of it, and of how much.

    Raises:
        ExperimentError, PricingError, EstimatorError: before anything was sent or written.
    """
    counts().distrusted = not remember
    experiment = load(source, changes)
    book = price_book(day, experiment)
    models = resolve_models(experiment, book, on, batch=batch)
    warnings: list[str] = []
    if count != "local":
        models, warnings = asked(experiment, models, count, progress)
    lengths = _lengths(experiment, models, history)
    counted = recall(experiment, models) if remember and each is None else None
    if counted is None:
        export = each and _pricing(each, lengths, models)
        counted = survey(experiment, models, export, partial(progress, "counting"))
        if remember:
            keep(experiment, models, counted)
    flush()
    assumed = [
        *list_assumptions(experiment, models, lengths),
        *price_notes(models, day, on or day),
    ]
    expectation = forecast(counted.tallies, lengths, models)
    plan = Plan(
        name=experiment.name,
        source=source if source == BUILTIN else str(Path(source).resolve()),
        changes=changes,
        files=digests(experiment, counted),
        requests=counted.digest,
        models=models,
        strata=expectation.strata,
        groups=expectation.groups,
        total=expectation.total,
        assumptions=tuple(dict.fromkeys(assumed)),
        study=study or experiment.study,
        warnings=(*warnings, *list_warnings(models), *price_warnings(models, book, on or day)),
    )
    return Estimate(plan, experiment, book, on or day)


def _pricing(
    each: Each, lengths: dict[Key, Length], models: dict[str, PlannedModel]
) -> Callable[[Counted], None]:
    """Price each request as it passes; requests of the same size cost the same."""

    @lru_cache(maxsize=4096)
    def ceiling(written: str, bound: int, max_tokens: int) -> Money:
        return models[written].reserve.ceiling(bound, max_tokens)

    def priced(counted: Counted) -> None:
        request = counted.request
        top = ceiling(request.model, counted.bound, request.max_tokens)
        each(counted, models[request.model].name, mean_cost(counted, lengths, models), top)

    return priced


def digests(experiment: Experiment, counted: Survey) -> dict[str, str]:
    """Give the sha256 of every file that the requests were made from."""
    path = builtin_folder() / "experiment.yaml" if experiment.source == BUILTIN else (
        Path(experiment.source)
    )  # fmt: skip
    own = {path.name: path, experiment.spec.queries.file: (
        experiment.folder / experiment.spec.queries.file
    )}  # fmt: skip
    files = {name: hashlib.sha256(each.read_bytes()).hexdigest() for name, each in own.items()}
    return files | {os.path.normpath(name): digest for name, digest in counted.files.items()}


def _lengths(
    experiment: Experiment, models: dict[str, PlannedModel], history: History | None
) -> dict[Key, Length]:
    spec, lengths = experiment.spec, {}
    stages = [(SUBJECT, model, spec.samples) for model in spec.models]
    stages += [(judge.name, judge.model, judge.samples) for judge in spec.judges]
    for condition in experiment.conditions():
        for stage, model, samples in stages:
            key = (stage, model, condition.name)
            prior = expected(spec, key, condition, models[model])
            billed = history.of(key, models[model]) if history else []
            if billed and history:
                source = f"{len(billed)} queries of {history.source}"
                queries = len(experiment.queries)
                lengths[key] = measured(billed, queries, samples, prior.kind, source)
            else:
                lengths[key] = prior
    return lengths
