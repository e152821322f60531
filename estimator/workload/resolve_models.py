"""Models as planned: each model of an experiment with its counting method and its price."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path

from estimator.counting import calibration
from estimator.counting.tokenizer import Counting, hub, identity
from estimator.user_dirs import price_folder
from estimator.workload.planned_model import PlannedModel, planned_model
from experiment.definition.experiment import Experiment
from experiment.definition.schema import SUBJECT
from experiment.errors import BadExperiment
from pricing.catalog.model_names import ModelName
from pricing.errors import BadPriceFile, NoPrice
from pricing.price_book import PriceBook
from pricing.rates.offer import asked_for
from pricing.rates.service_tiers import Asked
from pricing.sources import fetched_lists as refreshed
from pricing.sources.user_prices import read_flags, read_user_prices
from providers.provider import Provider
from providers.registry import providers


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


def price_book(day: date, experiment: Experiment) -> PriceBook:
    """Give the prices as known on a day to whoever runs this experiment.

    Raises:
        BadPriceFile: a price file, or a refreshed price list, is damaged.
    """
    files = read_user_prices([experiment.folder, Path.cwd()])
    flags = read_flags(experiment.prices)
    return PriceBook(day, files, refreshed.read(price_folder()), flags)


def _check_flags(flags: Iterable[str], names: list[ModelName]) -> None:
    """See that each price on the command line is of a model of the experiment."""
    known = {key for name in names for key in name.keys}
    for flag in flags:
        if flag.rpartition("=")[0] not in known:
            there = ", ".join(map(str, names))
            raise BadPriceFile(f"--price {flag}: not a model in this experiment; models: {there}")


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
                f"model {written!r} is used with {dict(asked[written])} and with {dict(asks)}, "
                "which have different prices; write it as provider/model in one of these places"
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
