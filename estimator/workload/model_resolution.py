"""Resolve the models of an experiment: each name with its counting method and its price."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

from estimator.counting import (
    CountingMethod,
    allow_download,
    cached_custom_tokenizer,
    calibration_key,
    calibration_path,
    check_tokenizer_files,
    learned_offset,
    vocabulary_id,
)
from estimator.errors import BadTokenizer
from estimator.user_dirs import price_folder
from estimator.workload.batch_prices import offer_as_asked
from estimator.workload.planned_model import PlannedModel, build_planned_model
from experiment.definition import SUBJECT, Batching, Experiment, is_builtin, list_uses
from experiment.errors import BadExperiment, RefusedFile
from experiment.file_access import locate_path, resolve_path
from pricing.catalog import ModelName
from pricing.errors import BadPriceFile, NoPrice, Unpriced
from pricing.price_book import PriceBook
from pricing.rates import PriceOptions, extract_price_options
from pricing.sources import PRICE_FILE, read_price_flags, read_price_lists, read_user_prices
from providers.addresses import find_service
from providers.capabilities import find_capability, find_reasoning
from providers.provider import Provider
from providers.registry import builtin_providers, load_providers

_ANY_MODEL = "any"  # an id of which no record knows anything


def resolve_models(
    experiment: Experiment, book: PriceBook, run_date: date | None = None
) -> dict[str, PlannedModel]:
    """Resolve and price every model of an experiment, judges included, by its written name.

    Args:
        experiment: with its models and judges.
        book: the prices.
        run_date: the day of the run; None for the book's.

    Raises:
        UnknownModel: for the first name that cannot be resolved.
        BadExperiment: a model is asked in ways that have different prices.
        NoPrice: names every model that cannot be priced.
    """
    providers = load_providers(experiment.spec.providers)
    models, problems, names = {}, [], []
    for written, (options, batching) in _collect_options(experiment).items():
        name = book.resolve_name(written, providers)
        names.append(name)
        provider = providers[name.provider]
        try:
            service = find_service(provider)
            find_offer = partial(
                book.offer_for,
                name,
                base_url=provider.base_url,
                service=service,
                own_server=service is None and provider.kind != "none",
            )
            offer = offer_as_asked(name, find_offer, options, batching)
        except NoPrice as problem:
            problems.append(problem)
            continue
        counting = _choose_counting_method(experiment, written, name, provider)
        day, window = run_date or book.day, book.context_window(name)
        model = build_planned_model(name, offer, day, window, provider, counting)
        if _is_never_asked(provider):  # whatever the catalog knows limits no answer that is there
            model = replace(model, window=None, takes=find_capability(provider, _ANY_MODEL))
        models[written] = _choose_api(experiment, written, model, provider)
    _check_price_flags(experiment.prices, names)
    if problems:
        raise _join_problems(problems, experiment)
    return models


def _join_problems(problems: list[NoPrice], experiment: Experiment) -> NoPrice:
    """Return one error of all models without a price, with one list of the lines to add."""
    lines = tuple(line for each in problems if isinstance(each, Unpriced) for line in each.lines)
    said = (each.problem if isinstance(each, Unpriced) else str(each) for each in problems)
    text = "\n".join(dict.fromkeys(said))
    if not lines:
        return type(problems[0])(text)
    return Unpriced(text, tuple(dict.fromkeys(lines)), describe_price_file(experiment))


def describe_price_file(experiment: Experiment) -> str:
    """Return where the price file of an experiment is to be; of a built-in one not beside it."""
    where = "in the working folder" if is_builtin(experiment.source) else "next to the experiment"
    return f"{PRICE_FILE} {where}"


def _is_never_asked(provider: Provider) -> bool:
    """Return whether an experiment says of its own provider that nothing is sent there."""
    return provider.kind == "none" and provider.name not in builtin_providers()


def load_price_book(day: date, experiment: Experiment) -> PriceBook:
    """Return the prices known on a day, including the user's own price files and flags.

    Raises:
        BadPriceFile: a price file or a fetched price list is damaged.
    """
    named = map(Path, experiment.price_files)
    files = read_user_prices([experiment.folder, Path.cwd()], named)
    flags = read_price_flags(experiment.prices)
    return PriceBook(day, files, read_price_lists(price_folder()), flags)


def _check_price_flags(flags: Iterable[str], names: list[ModelName]) -> None:
    """Check that each `--price` flag names a model of the experiment."""
    keys = {key for name in names for key in name.price_keys}
    for flag in flags:
        if flag.rpartition("=")[0] not in keys:
            models = ", ".join(map(str, names))
            raise BadPriceFile(f"--price {flag}: not a model in this experiment; models: {models}")


def _collect_options(experiment: Experiment) -> dict[str, tuple[PriceOptions, Batching]]:
    """Return, by model, the request options that affect its price, and whether it is batched."""
    by_model: dict[str, tuple[PriceOptions, Batching, str]] = {}
    for use in list_uses(experiment.spec):
        if use.batching is not Batching.NO and experiment.spec.sequential is not None:
            raise BadExperiment(
                f"{use.model!r} ({use.stage}) is asked in batches, and the looks of `sequential` "
                "wait for each block of answers; leave out one of them"
            )
        options = extract_price_options(use.sampling)
        place = f"{use.stage}, condition {use.condition.name}"
        first, how, where = by_model.setdefault(use.model, (options, use.batching, place))
        if first != options or (how is Batching.NO) != (use.batching is Batching.NO):
            raise BadExperiment(
                f"model {use.model!r} is used {_describe_use(first, how)} ({where}) and "
                f"{_describe_use(options, use.batching)} ({place}), which have different prices; "
                "write it as provider/model in one of these places, or plan the conditions as two "
                "experiments"
            )
        if use.batching is Batching.YES:
            by_model[use.model] = (options, use.batching, where)
    return {written: (options, how) for written, (options, how, _) in by_model.items()}


def _describe_use(options: PriceOptions, batching: Batching) -> str:
    return f"with {dict(options)}" + ("" if batching is Batching.NO else " in batches")


def _choose_api(
    experiment: Experiment, model_name_as_written: str, model: PlannedModel, provider: Provider
) -> PlannedModel:
    """Return a model, asked over the Responses API where only that has a level asked for.

    An endpoint that the user names stays.
    """
    record = model.capability
    is_chosen = "endpoint" in provider.capabilities or provider.name not in builtin_providers()
    if is_chosen or not record.responses_levels:
        return model
    uses = (use for use in list_uses(experiment.spec) if use.model == model_name_as_written)
    levels = {find_reasoning(record, use.sampling).level for use in uses}
    if levels.isdisjoint(record.responses_levels):
        return model
    return replace(model, takes=find_capability(provider, model.name.id, endpoint="responses"))


def _choose_counting_method(
    experiment: Experiment, model_name_as_written: str, name: ModelName, provider: Provider
) -> CountingMethod:
    """Return how a model is counted locally: with which tokenizer and which learned offset."""
    spec = experiment.spec
    source = spec.tokenizer.get(model_name_as_written, "")
    if not source and model_name_as_written in spec.models:
        source = spec.tokenizer.get(SUBJECT, "")
    if source:
        source = _admit_tokenizer(experiment, source)
    counting = CountingMethod(source, cached_custom_tokenizer(source).fingerprint if source else "")
    tokenizer, key = vocabulary_id(name.id, counting), calibration_key(provider, name.id)
    offset = learned_offset(calibration_path(), key, tokenizer)
    # The same object is found in the cache of tokenizers without a comparison, at every request.
    return counting if offset is None else replace(counting, offset=offset)


def _admit_tokenizer(experiment: Experiment, source: str) -> str:
    """Return a tokenizer's source, a folder as an absolute path, if it may be read.

    Raises:
        BadTokenizer: it is outside of the experiment's folder, or could make a library hang.
    """
    trust = experiment.trust
    if source.startswith("hf:"):
        allow_download(source, allowed=trust.downloads or source in trust.tokenizers)
        return source
    try:
        path = str(resolve_path(experiment.folder / source))
        if not trust.tokenizers & {source, path}:
            real = locate_path(experiment.folder, source, trust)
            check_tokenizer_files(real, resolve_path(experiment.folder), trust)
    except RefusedFile as error:
        raise BadTokenizer(f"tokenizer: {error}") from error
    return path
