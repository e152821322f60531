"""Estimating: from an experiment to a plan. The one call behind `afcost estimate`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache, partial
from pathlib import Path

from estimator import calibration
from estimator.asking import Progress, asked
from estimator.cache import counts, flush
from estimator.counting import Counting, hub, identity
from estimator.forecast import average_price, forecast, mean_cost
from estimator.history import History
from estimator.lengths import Length, expected, measured
from estimator.plan import Plan
from estimator.recall import keep, recall
from estimator.survey import Counted, Key, PlannedModel, Survey, planned_model, survey
from estimator.tokens import Exactness
from experiment.file import BUILTIN, Changes, Experiment, builtin_folder, load
from experiment.providers import Provider, providers
from experiment.schema import SUBJECT
from pricing.book import PriceBook, read_user_prices
from pricing.money import Money
from pricing.names import ModelName

# Called with a request, its model, its likely cost in US dollars, and the most that it can cost.
Each = Callable[[Counted, ModelName, float, Money], None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A plan, the experiment that it was made from, and the book that priced it."""

    plan: Plan
    experiment: Experiment
    book: PriceBook


def estimate(  # noqa: PLR0913 - what an estimate is made of
    source: str,
    day: date,
    changes: Changes = Changes(),  # noqa: B008 - frozen, empty
    history: History | None = None,
    each: Each | None = None,
    *,
    count: str = "local",
    remember: bool = True,
    progress: Progress = lambda *_: None,
) -> Estimate:
    """Plan an experiment.

    Args:
        source: path of an experiment file, or `experiment.file.BUILTIN`.
        day: the day to price at.
        changes: what the command line changes of the experiment.
        history: billed usage that the forecast rests on where it has the stratum.
        each: is called with every request as it is counted, its model, and what it may cost.
        count: `local` counts here; `provider` asks the models' providers where they count for
            free; `auto` does so for those whose tokenizer nobody else has, where there is a key.
        remember: whether an earlier survey of the same experiment will do.
        progress: is called now and then with what is being done, how much of it, and of how much.

    Raises:
        ExperimentError, PricingError, EstimatorError: before anything was sent or written.
    """
    counts().distrusted = not remember
    experiment = load(source, changes)
    book = PriceBook(day, read_user_prices([experiment.folder, Path.cwd()]))
    models = resolve_models(experiment, book)
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
        assumptions=tuple(dict.fromkeys(_assumptions(experiment, models, lengths))),
        warnings=(*warnings, *_warnings(models)),
    )
    return Estimate(plan, experiment, book)


def elsewhere(estimate: Estimate, written: str) -> list[tuple[str, float]]:
    """Give what a model's calls would cost, likely, at its other providers; the cheapest first.

    Returns:
        (provider, US dollars).
    """
    own = [stratum for stratum in estimate.plan.strata if stratum.model == written]
    quotes = []
    for card in estimate.book.elsewhere(estimate.plan.models[written].name):
        costs = (
            s.requests
            * average_price(card, s.input_tokens / s.requests, s.output.mean / s.requests)
            for s in own
        )
        quotes.append((card.provider, sum(costs)))
    return sorted(quotes, key=lambda quote: quote[1])


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
        counting = _counting(experiment, written, name, known[name.provider])
        models[written] = planned_model(name, book.card(name), book.window(name), prefill, counting)
    return models


def _counting(
    experiment: Experiment, written: str, name: ModelName, provider: Provider
) -> Counting:
    """Say how a model is counted here: by a tokenizer of the user's, and with what bills taught."""
    spec = experiment.spec
    source = spec.tokenizer.get(written, "")
    if not source and written in spec.models:
        source = spec.tokenizer.get(SUBJECT, "")
    if source and not source.startswith("hf:"):
        source = str((experiment.folder / source).resolve())
    counting = Counting(source, hub(source).fingerprint if source else "")
    tokenizer = identity(name.id, counting)
    known = calibration.known_as(provider, name.id)
    offset = calibration.offset(calibration.place(), known, tokenizer)
    return replace(counting, offset=offset)


def _pricing(
    each: Each, lengths: dict[Key, Length], models: dict[str, PlannedModel]
) -> Callable[[Counted], None]:
    """Price each request as it passes; requests of the same size cost the same."""

    @lru_cache(maxsize=4096)
    def ceiling(written: str, bound: int, max_tokens: int) -> Money:
        return models[written].card.ceiling(bound, max_tokens)

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


def _assumptions(
    experiment: Experiment,
    models: dict[str, PlannedModel],
    lengths: dict[Key, Length],
) -> Iterator[str]:
    for length in lengths.values():
        yield f"output of {length.kind}s ({length.basis}): {length.source}"
    prefilled = experiment.spec.messages[-1].role == "assistant"
    for written, model in models.items():
        family, tokenizer = model.family, model.tokenizer
        if prefilled and written in experiment.spec.models:
            taken = "it goes on from the prefill" if model.prefill else "it takes no prefill"
            how = "counted as an open turn" if model.prefill else "none is sent"
            yield f"{model.name}: {taken}, {how}"
        if tokenizer.exactness is not Exactness.EXACT:
            yield f"input of {model.name} is {tokenizer.exactness}: {tokenizer.error}"
        if family.note and not model.counting.source:
            yield f"input of {model.name}: {family.note}"
        if family.fixed_sampling:
            yield f"{model.name} sets its own temperature: none is sent"
    for judge in experiment.spec.judges:
        yield f"judge {judge.name}: its prompts are counted, the answers in them forecast"
        if judge.when != "always":
            yield f"judge {judge.name} reads every answer; `when: {judge.when}` will save some"


def _warnings(models: dict[str, PlannedModel]) -> list[str]:
    return [
        f"the context window of {model.name} is not known here and was not checked"
        for model in models.values()
        if model.window is None
    ]
