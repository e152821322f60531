"""Batch prices: of which models batches are sent, and at which known price."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from estimator.workload.planned_model import PlannedModel
from experiment.definition import Batching, Experiment, list_uses
from pricing.catalog import ModelName
from pricing.errors import NoPrice, UnknownTier
from pricing.rates import SERVICE_TIERS, Offer, PriceOptions
from pricing.sources import PRICE_FILE
from providers.registry import builtin_providers

if TYPE_CHECKING:  # most plans have no batches
    from providers.batches import BatchLimits

BATCH = SERVICE_TIERS["batch"]


def offer_as_asked(
    name: ModelName,
    find_offer: Callable[..., Offer],
    options: PriceOptions,
    batching: Batching,
) -> Offer:
    """Return the offer at which a model is asked: at its batch price where that is asked for.

    Args:
        name: the model.
        find_offer: options -> its offer with them.
        options: what its requests ask for that changes their price.
        batching: whether it is asked in batches.

    Raises:
        UnknownTier: it is to be asked in batches that have no known price, or none are sent.
        NoPrice: it has no price at all.
    """
    if batching is Batching.NO:
        return find_offer(options)
    try:
        return find_batch_offer(name, find_offer, options)
    except NoPrice as problem:
        if batching is Batching.WHERE_PRICED:
            return find_offer(options)
        if not isinstance(problem, UnknownTier):
            raise
        raise UnknownTier(f"{name}, `batch: yes`: {problem}") from problem


def find_batch_offer(
    name: ModelName, find_offer: Callable[..., Offer], options: PriceOptions = ()
) -> Offer:
    """Return the batch offer of a model whose requests ask for these options.

    Raises:
        UnknownTier: no batches are sent to its provider, or no price of theirs is known.
        NoPrice: it has no price at all.
    """
    if find_limits_of_batches(name.provider) is None:
        known = ", ".join(sorted(filter(find_limits_of_batches, builtin_providers())))
        raise UnknownTier(
            f"afcost sends no batches to {name.provider}, only to {known}; "
            "remove `batch: yes`, or choose one of these providers"
        )
    try:
        return find_offer((*options, *BATCH))
    except UnknownTier as problem:
        asked = "".join(f" with {field}: {value}" for field, value in options)
        raise UnknownTier(
            f"no batch price is known at {name.provider}{asked}, and the standard price is not "
            f"halved by guess. Remove `batch: yes`, or set the price that its provider names: "
            f"`batch: {{input: …, output: …}}` beside the model's other prices in {PRICE_FILE}"
        ) from problem


def find_limits_of_batches(provider: str) -> BatchLimits | None:
    """Return what the batches of a provider are like, by its name; None where none are sent.

    It is a built-in one, wherever its requests go.
    """
    from providers.batches import find_batch_limits  # noqa: PLC0415 - as above

    builtin = builtin_providers().get(provider)
    return None if builtin is None else find_batch_limits(builtin)


def list_batch_notes(experiment: Experiment, models: Mapping[str, PlannedModel]) -> Iterator[str]:
    """Yield which models are asked in batches, and which by calls although batches are wanted.

    Args:
        experiment: what is measured.
        models: written name -> planned model.
    """
    wanted = {use.model for use in list_uses(experiment.spec) if use.batching is not Batching.NO}
    ways: dict[str, list[str]] = {}
    for written, model in models.items():
        if written in wanted:
            ways.setdefault(_describe_way(model), []).append(str(model.name))
    yield from (f"{', '.join(dict.fromkeys(names))}: {way}" for way, names in ways.items())


def _describe_way(model: PlannedModel) -> str:
    if model.offer.is_batch:
        return "asked in batches"
    provider = model.name.provider
    if find_limits_of_batches(provider) is None:
        return f"asked by calls: afcost sends no batches to {provider}"
    return f"asked by calls: no batch price is known at {provider}"
