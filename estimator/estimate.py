"""Estimating: from an experiment to a plan. The one call behind `afcost estimate`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from estimator.forecast import forecast
from estimator.history import History
from estimator.lengths import Length, expected, measured
from estimator.plan import Plan
from estimator.survey import Counted, Key, PlannedModel, Survey, planned_model, survey
from estimator.tokens import Exactness
from experiment.file import BUILTIN, Changes, Experiment, builtin_folder, load
from experiment.providers import providers
from experiment.schema import SUBJECT
from pricing.book import PriceBook, read_user_prices


@dataclass(frozen=True, slots=True)
class Estimate:
    """A plan, the experiment that it was made from, and the book that priced it."""

    plan: Plan
    experiment: Experiment
    book: PriceBook


def estimate(
    source: str,
    day: date,
    changes: Changes = Changes(),  # noqa: B008 - frozen, empty
    history: History | None = None,
    each: Callable[[Counted], None] = lambda _: None,
) -> Estimate:
    """Plan an experiment.

    Args:
        source: path of an experiment file, or `experiment.file.BUILTIN`.
        day: the day to price at.
        changes: what the command line changes of the experiment.
        history: billed usage that the forecast rests on where it has the stratum.
        each: is called with every request as it is counted.

    Raises:
        ExperimentError, PricingError, EstimatorError: before anything was sent or written.
    """
    experiment = load(source, changes)
    book = PriceBook(day, read_user_prices([experiment.folder, Path.cwd()]))
    models = resolve_models(experiment, book)
    counted = survey(experiment, models, each)
    lengths = {key: _length(experiment, key, models, counted, history) for key in counted.tallies}
    strata, total = forecast(counted.tallies, lengths, models)
    plan = Plan(
        name=experiment.name,
        source=source if source == BUILTIN else str(Path(source).resolve()),
        changes=changes,
        files=digests(experiment, counted),
        requests=counted.digest,
        models=models,
        strata=tuple(strata),
        total=total,
        assumptions=tuple(_assumptions(experiment, models, counted, lengths)),
        warnings=tuple(_warnings(models)),
    )
    return Estimate(plan, experiment, book)


def resolve_models(experiment: Experiment, book: PriceBook) -> dict[str, PlannedModel]:
    """Resolve and price every model of an experiment, judges' included, by its written name.

    Raises:
        UnknownModel, Unpriced: for the first name that cannot be resolved or priced.
    """
    known = providers(experiment.spec.providers)
    spec = experiment.spec
    models = {}
    for written in dict.fromkeys([*spec.models, *(judge.model for judge in spec.judges)]):
        name = book.resolve(written, known)
        prefill = known[name.provider].prefill
        models[written] = planned_model(name, book.card(name), book.window(name), prefill)
    return models


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


def _length(
    experiment: Experiment,
    key: Key,
    models: dict[str, PlannedModel],
    counted: Survey,
    history: History | None,
) -> Length:
    condition = next(each for each in experiment.conditions() if each.name == key[2])
    prior = expected(experiment.spec, key, condition, models[key[1]])
    billed = history.of(key, models[key[1]]) if history else []
    if not billed or history is None:
        return prior
    queries = len(experiment.queries)
    samples = counted.tallies[key].requests // queries
    return measured(billed, queries, samples, prior.kind, f"{len(billed)} queries of {history.source}")


def _assumptions(
    experiment: Experiment,
    models: dict[str, PlannedModel],
    counted: Survey,
    lengths: dict[Key, Length],
) -> list[str]:
    notes = [f"output of {length.kind}s ({length.basis}): {length.source}"
             for length in dict.fromkeys(lengths.values())]  # fmt: skip
    last = experiment.spec.messages[-1].role
    for written in experiment.spec.models:
        if last == "assistant" and not models[written].prefill:
            notes.append(f"{models[written].name} takes no prefill: it is left out")
    for model in models.values():
        family = model.tokenizer.family
        if family.exactness is not Exactness.EXACT:
            notes.append(f"input of {model.name} is approximate: {family.error}")
        if family.fixed_sampling:
            notes.append(f"{model.name} sets its own temperature: none is sent")
        if model.prefill:
            notes.append(f"{model.name} goes on from the prefill; it is counted as an open turn")
    for judge in experiment.spec.judges:
        if judge.when != "always":
            notes.append(f"judge {judge.name} reads every answer; its `when: {judge.when}` saves more")
    if any(key[0] != SUBJECT for key in counted.tallies):
        notes.append("input of judges: their prompts counted, the answers in them forecast")
    return list(dict.fromkeys(notes))


def _warnings(models: dict[str, PlannedModel]) -> list[str]:
    return [
        f"the context window of {model.name} is not known here and was not checked"
        for model in models.values()
        if model.window is None
    ]
