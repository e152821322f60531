"""Ways: how a model can be asked, and what its requests cost that way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import partial

from estimator.cached_prefix import index_prefixes
from estimator.forecast import Stratum, price_strata
from estimator.workload import PlannedModel, find_batch_offer
from experiment.definition import Experiment, list_uses
from pricing.errors import NoPrice
from pricing.price_book import PriceBook
from pricing.rates import SERVICE_TIERS, Offer, PriceOptions, RateCard
from providers.addresses import find_service
from providers.registry import load_providers

_TIER = "service_tier"


class Way(StrEnum):
    """How a model is asked: by calls, by calls at a lower priority, or in batches."""

    CALLS, FLEX, BATCH = "calls", "flex", "batch"


@dataclass(frozen=True, slots=True)
class WayOffer:
    """A way to ask a model.

    Attributes:
        model: as the experiment writes it.
        way: how it is asked.
        offer: its price that way.
        cost: what its requests likely cost, in US dollars.
    """

    model: str
    way: Way
    offer: Offer
    cost: float


def find_way(model: PlannedModel) -> Way:
    """Return how a planned model is asked."""
    if model.offer.is_batch:
        return Way.BATCH
    return Way.FLEX if SERVICE_TIERS["flex"][0] in model.offer.options else Way.CALLS


def list_ways(  # noqa: PLR0913 - what is asked, and at which prices
    experiment: Experiment,
    models: Mapping[str, PlannedModel],
    strata: Sequence[Stratum],
    book: PriceBook,
    run_date: date,
    allowed: frozenset[Way] = frozenset(Way),
) -> dict[str, list[WayOffer]]:
    """Return each model's ways whose price is known, the cheapest first.

    What the file says of a model stays: its `batch`, and a service tier that it asks for.

    Args:
        experiment: what is measured.
        models: written name -> planned model.
        strata: its requests, those that are left.
        book: the prices.
        run_date: the day whose prices apply.
        allowed: ways that may be chosen besides the planned one.
    """
    fixed = _find_fixed(experiment)
    found = {}
    for written, model in models.items():
        own = [each for each in strata if each.model == written and each.requests]
        ways = {find_way(model): model.offer}
        if written not in fixed:
            ways |= dict(_find_offers(experiment, model, book, allowed - ways.keys()))
        priced = [
            WayOffer(written, way, offer, _price(own, model, way, offer.highest_on(run_date)))
            for way, offer in ways.items()
        ]
        found[written] = sorted(priced, key=lambda each: (each.cost, list(Way).index(each.way)))
    return found


def _price(strata: Sequence[Stratum], model: PlannedModel, way: Way, card: RateCard) -> float:
    """Return what requests likely cost: by calls, what is read of a cache costs less."""
    if way is Way.BATCH or card.cache_read is None:
        return price_strata(strata, card)
    return price_strata(strata, card, index_prefixes({strata[0].model: model}))


def _find_fixed(experiment: Experiment) -> set[str]:
    """Return the models of which the file says how they are asked."""
    spec = experiment.spec
    said = {each.name for each in spec.subjects if each.batch is not None}
    said |= {each.model for each in spec.judges if each.batch is not None}
    return said | {use.model for use in list_uses(spec) if use.sampling.get(_TIER) is not None}


def _find_offers(
    experiment: Experiment, model: PlannedModel, book: PriceBook, ways: frozenset[Way]
) -> Iterator[tuple[Way, Offer]]:
    provider = load_providers(experiment.spec.providers)[model.name.provider]
    if provider.kind == "none":
        return
    service = find_service(provider)
    find_offer = partial(
        book.offer_for,
        model.name,
        base_url=provider.base_url,
        service=service,
        own_server=service is None,
    )
    tiers = {option for tier in ("batch", "flex") for option in SERVICE_TIERS[tier]}
    options: PriceOptions = tuple(each for each in model.offer.options if each not in tiers)
    for way in ways:
        try:
            match way:
                case Way.CALLS:
                    yield way, find_offer(options)
                case Way.FLEX:
                    yield way, find_offer((*options, *SERVICE_TIERS["flex"]))
                case Way.BATCH if experiment.spec.sequential is None:
                    yield way, find_batch_offer(model.name, find_offer, options)
        except NoPrice:
            continue


def ask_models(
    models: Mapping[str, PlannedModel], ways: Mapping[str, WayOffer]
) -> dict[str, PlannedModel]:
    """Return planned models, each with the offer of its way."""
    return {
        written: replace(model, offer=ways[written].offer) if written in ways else model
        for written, model in models.items()
    }
