"""Estimating: from an experiment to a plan. The one call behind `afcost estimate`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache, partial
from pathlib import Path

from estimator.counting import calibration
from estimator.counting.count_cache import counts, flush
from estimator.counting.token_count import Exactness
from estimator.counting.tokenizer import Counting, hub, identity
from estimator.forecast.forecast import forecast, likely_cost, mean_cost
from estimator.forecast.history import History
from estimator.forecast.output_length import Length, expected, measured
from estimator.plan.plan_file import Plan
from estimator.plan.price_notes import price_notes, price_warnings
from estimator.user_dirs import price_folder
from estimator.workload.count_requests import (
    Counted,
    Key,
    PlannedModel,
    Survey,
    planned_model,
    survey,
)
from estimator.workload.provider_counts import Progress, asked
from estimator.workload.tally_cache import keep, recall
from experiment.definition.loader import BUILTIN, Changes, Experiment, builtin_folder, load
from experiment.definition.schema import SUBJECT
from experiment.errors import BadExperiment
from pricing.catalog.model_names import ModelName
from pricing.errors import BadPriceFile, NoPrice
from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.rates.offer import asked_for
from pricing.sources import fetched_lists as refreshed
from pricing.sources.base import Asked
from pricing.sources.user_prices import read_flags, read_user_prices
from providers.registry import Provider, providers

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
    changes: Changes = Changes(),  # noqa: B008 - frozen, empty
    on: date | None = None,
    history: History | None = None,
    each: Each | None = None,
    *,
    batch: bool = False,
    count: str = "local",
    remember: bool = True,
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
        *_assumptions(experiment, models, lengths),
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
        warnings=(*warnings, *_warnings(models), *price_warnings(models, book, on or day)),
    )
    return Estimate(plan, experiment, book, on or day)


def elsewhere(estimate: Estimate, written: str) -> list[tuple[str, float]]:
    """Give what a model's calls would cost, likely, at its other providers; the cheapest first.

    Returns:
        (provider, US dollars).
    """
    own = [stratum for stratum in estimate.plan.strata if stratum.model == written]
    quotes = []
    model = estimate.plan.models[written]
    for there, offer in estimate.book.elsewhere(model.name, model.offer.asked):
        quotes.append((there.provider, likely_cost(own, offer.card(estimate.on))))
    return sorted(quotes, key=lambda quote: quote[1])


def price_book(day: date, experiment: Experiment) -> PriceBook:
    """Give the prices as known on a day to whoever runs this experiment.

    Raises:
        BadPriceFile: a price file, or a refreshed price list, is damaged.
    """
    files = read_user_prices([experiment.folder, Path.cwd()])
    flags = read_flags(experiment.prices)
    return PriceBook(day, files, refreshed.read(price_folder()), flags)


def resolve_models(
    experiment: Experiment, book: PriceBook, on: date | None = None, *, batch: bool = False
) -> dict[str, PlannedModel]:
    """Resolve and price every model of an experiment, judges' included, by its written name.

    Args:
        experiment: with its models and judges.
        book: the prices.
        on: the day of the run; None takes the book's.
        batch: whether all requests are priced as batches.

    Raises:
        UnknownModel: for the first name that cannot be resolved.
        NoPrice: names every model that cannot be priced.
    """
    known = providers(experiment.spec.providers)
    models, problems, names = {}, [], []
    for written, asks in _asked(experiment, batch=batch).items():
        name = book.resolve(written, known)
        names.append(name)
        provider = known[name.provider]
        try:
            offer = book.offer(name, asks, provider.base_url)
        except NoPrice as problem:
            problems.append(problem)
            continue
        counting = _counting(experiment, written, name, provider)
        day, window = on or book.day, book.window(name)
        models[written] = planned_model(name, offer, day, window, provider.prefill, counting)
    _check_flags(experiment.prices, names)
    if problems:
        raise type(problems[0])("\n".join(map(str, problems)))
    return models


def _check_flags(flags: Iterable[str], names: list[ModelName]) -> None:
    """See that each price on the command line is of a model of the experiment."""
    known = {key for name in names for key in name.keys}
    for flag in flags:
        if flag.rpartition("=")[0] not in known:
            there = ", ".join(map(str, names))
            raise BadPriceFile(f"--price {flag}: is of no model of this experiment; it has {there}")


def _asked(experiment: Experiment, *, batch: bool) -> dict[str, Asked]:
    """Give what each model's requests ask for that moves their price."""
    spec = experiment.spec
    uses = [(model, spec.sampling) for model in spec.models]
    uses += [(judge.model, judge.sampling) for judge in spec.judges]
    asked: dict[str, Asked] = {}
    for written, sampling in uses:
        fields = sampling.as_sent() | ({"processing": "batch"} if batch else {})
        asks = asked_for(fields)
        if asked.setdefault(written, asks) != asks:
            raise BadExperiment(
                f"model {written!r} is used with {dict(asked[written])} and with {dict(asks)}, at "
                "two prices; write it as provider/model in one of these places"
            )
    return asked


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
