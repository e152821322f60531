"""Prices with request options: a service tier, a region, a batch; and a host's surcharge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import ROUND_CEILING, Decimal

from pricing.catalog import ModelName, PriceFactor, find_option_factor
from pricing.errors import UnknownTier
from pricing.price_book.listings import apply_billing_rules, find_listed_tariff
from pricing.rates import PREMIUM_TIERS, TOKEN_CLASSES, Offer, PriceOptions, RateCard, Tariff
from pricing.sources import PRICE_FILE, PriceSource, UserPrice

_BATCHED = "processing"  # the option of requests in batches


def price_with_options(
    sources: Sequence[PriceSource],
    name: ModelName,
    options: PriceOptions,
    user_price: UserPrice | None,
    standard: Tariff,
) -> tuple[Tariff, PriceFactor | None]:
    """Return the price with options: the user's, a source's, or the standard by a rule.

    Raises:
        UnknownTier: none of them has one.
    """
    for option, card in user_price.tiers if user_price else ():
        if (option,) == options:
            own = replace(card, provider=name.provider, model=name.id)
            return apply_billing_rules(name, Tariff.flat_rate(own)), None
    for source in sources:
        if user_price is not None and source.name != user_price.use_source:
            continue
        tariff = find_listed_tariff(source, name.provider, name.id, options)
        if tariff is not None:
            return apply_billing_rules(name, tariff), None
    ruled = tuple(each for each in options if find_option_factor(name.provider, name.id, (each,)))
    rest = tuple(each for each in options if each not in ruled)
    if rest and ruled:
        standard, _ = price_with_options(sources, name, rest, user_price, standard)
    factor = find_option_factor(name.provider, name.id, ruled) if ruled else None
    if factor is None:
        what = ", ".join(f"{field}: {value}" for field, value in options)
        raise UnknownTier(
            f"{name} with {what}: no price is known for it, and the standard price is not "
            f"assumed. Remove it, or set a batch, flex or priority price in {PRICE_FILE}"
        )
    return standard.map_cards(factor.apply_to), factor


def find_price_of_calls(
    sources: Sequence[PriceSource],
    name: ModelName,
    options: PriceOptions,
    user_price: UserPrice | None,
    standard: Tariff,
) -> Tariff | None:
    """Return what requests of batches cost as calls; None of other requests, or where unknown."""
    rest = tuple(each for each in options if each[0] != _BATCHED)
    if rest == options:
        return None
    try:
        return (
            price_with_options(sources, name, rest, user_price, standard)[0] if rest else standard
        )
    except UnknownTier:
        return None


def price_others_with_options(
    sources: Sequence[PriceSource],
    name: ModelName,
    options: PriceOptions,
    standard: tuple[RateCard, ...],
    day: date,
) -> Iterator[RateCard]:
    """Yield what others say of a model with options, whatever the user's own price is.

    Where they say nothing, their standard price is taken: no discount is threefold.
    """
    tariffs = [find_listed_tariff(each, name.provider, name.id, options) for each in sources]
    if any(tariffs):
        yield from (apply_billing_rules(name, each).typical(day) for each in tariffs if each)
        return
    factor = find_option_factor(name.provider, name.id, options)
    yield from (factor.apply_to(card) if factor else card for card in standard)


def find_upgraded_tiers(
    sources: Sequence[PriceSource], name: ModelName
) -> Iterator[tuple[str, Tariff]]:
    """Yield the premium tiers that a provider might use unrequested."""
    for tier in PREMIUM_TIERS:
        asked = (("service_tier", tier),)
        tariffs = (find_listed_tariff(each, name.provider, name.id, asked) for each in sources)
        if tariff := next(filter(None, tariffs), None):
            yield tier, apply_billing_rules(name, tariff)


def scale_like(card: RateCard, standard: Tariff, with_options: Tariff, day: date) -> RateCard:
    """Return another source's standard price, scaled as the option scales the best source's."""
    before, after = standard.highest_on(day), with_options.highest_on(day)
    ratios = {
        name: (after.rate_of_class(name).base / before.rate_of_class(name).base).quantize(
            Decimal("0.000001"), ROUND_CEILING
        )
        for name in TOKEN_CLASSES
        if before.rate_of_class(name).base
    }
    return card.map_rates(lambda name, rate: rate.scaled(ratios.get(name, Decimal(1))))


def apply_surcharge(offer: Offer, surcharge: PriceFactor) -> Offer:
    """Return an offer with every price of it multiplied, and the reason among its assumptions."""

    def add_surcharge(card: RateCard) -> RateCard:
        return card.scaled(surcharge.multiplier)

    return replace(
        offer,
        tariff=offer.tariff.map_cards(add_surcharge),
        upgraded_tiers=tuple(
            (tier, tariff.map_cards(add_surcharge)) for tier, tariff in offer.upgraded_tiers
        ),
        alternatives=tuple(add_surcharge(card) for card in offer.alternatives),
        standard=offer.standard and offer.standard.map_cards(add_surcharge),
        calls=offer.calls and offer.calls.map_cards(add_surcharge),
        assumptions=(*offer.assumptions, surcharge.reason),
    )
