"""Everything known about a model's price, on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from afcost.rendering import console as draw
from afcost.rendering.prices.rates import format_rate
from estimator.plan import price_to_json
from pricing.catalog import ModelName, describe_fee, find_caching_rule
from pricing.errors import NoPrice
from pricing.money import format_per_million
from pricing.price_book import PriceBook
from pricing.rates import SERVICE_TIERS, Offer, RateCard

_HEADER = ["", "in", "out", "cached", "write", "write 1 h", "request"]


def show_price(book: PriceBook, name: ModelName, offer: Offer) -> None:
    """Print a model's price: every class, tier and hour, its sources, and what else affects it."""
    console = draw.stdout()
    card, tiered = offer.highest_on(book.day), _find_tier_offers(book, name)
    draw.print_text(
        console, f"{name}, {name.id} at {name.provider}" if name.alias else str(name), "bold"
    )
    draw.print_table(console, _HEADER, list(_iterate_rows(book, offer, tiered)), left_columns=1)
    draw.print_text(console, f"USD per million tokens, from {draw.format_source(card)}", "dim")
    for line in _list_remarks(book, name, offer, tiered):
        draw.print_text(console, line)


def _iterate_rows(
    book: PriceBook, offer: Offer, tier_offers: dict[str, Offer]
) -> Iterator[list[str]]:
    for period in _select_current_periods(offer, book):
        when = f" {period.hours}" if period.hours else ""
        start = f" from {period.start}" if period.start and period.start > book.day else ""
        yield from _build_card_rows(f"standard{start}{when}", period.card)
    for tier, asked in tier_offers.items():
        yield from _build_card_rows(tier, asked.highest_on(book.day))


def _select_current_periods(offer: Offer, book: PriceBook) -> list[Any]:
    """Return the periods in force now or later, without superseded ones."""
    periods = offer.tariff.periods
    begun = [p.start for p in periods if p.start and p.start <= book.day]
    newest = max(begun, default=None)
    return [p for p in periods if (p.start is None and newest is None) or (
        p.start is not None and (newest is None or p.start >= newest)
    )]  # fmt: skip


def _build_card_rows(label: str, card: RateCard) -> Iterator[list[str]]:
    rates = [card.input, card.output, card.cache_read, card.cache_write, card.cache_write_1h]
    fee = format_per_million(card.per_request) if card.per_request else ""
    yield [label, *((rate and format_per_million(rate.base)) or "" for rate in rates), fee]
    for over in sorted({over for rate in rates if rate for over in rate.thresholds}):
        yield [
            f"  above {over:,} tokens",
            *((rate and format_per_million(rate.price_at(over + 1))) or "" for rate in rates),
            fee,
        ]


def _find_tier_offers(book: PriceBook, name: ModelName) -> dict[str, Offer]:
    offers = {}
    for tier, asked in SERVICE_TIERS.items():
        try:
            offer = book.offer_for(name, asked)
            offer.highest_on(book.day)  # it may begin later
            offers[tier] = offer
        except NoPrice:
            continue
    return offers


def _list_remarks(
    book: PriceBook, name: ModelName, offer: Offer, tier_offers: dict[str, Offer]
) -> Iterator[str]:
    yield from offer.assumptions
    for tier, asked in tier_offers.items():
        own = (each for each in asked.assumptions if each not in offer.assumptions)
        yield from (f"{tier}: {each}" for each in own)
    yield from _list_source_remarks(book, offer)
    yield from _list_fact_remarks(book, name, offer)


def _list_source_remarks(book: PriceBook, offer: Offer) -> Iterator[str]:
    for other in offer.alternatives:
        yield (
            f"{draw.format_source(other)} says {format_rate(other.input)} in, "
            f"{format_rate(other.output)} out"
        )
    apart = offer.disagreement_ratio(book.day)
    if apart is None:
        yield "no other source has a price"
    elif apart > 1:
        yield f"sources differ by up to {apart.normalize():f} x; reservations use the highest"


def _list_fact_remarks(book: PriceBook, name: ModelName, offer: Offer) -> Iterator[str]:
    caching = find_caching_rule(name.provider, name.id)
    if offer.highest_on(book.day).cache_read is not None and caching.kind != "none":
        how = "automatically" if caching.kind == "automatic" else "if cache_control requests it"
        yield f"prefixes of {book.min_cached_tokens(name):,} tokens or more are cached {how}"
    if window := book.context_window(name):
        yield f"context window {window:,} tokens"
    if ends := book.retirement_of(name):
        instead = f"; recommended successor: {ends.successor}" if ends.successor else ""
        yield f"retires on {ends.retires_on} ({ends.source}){instead}"
    if note := describe_fee(name.provider):
        yield note


def price_to_document(book: PriceBook, name: ModelName, offer: Offer) -> dict[str, Any]:
    """Return a model's price as a JSON document."""
    card, ends = offer.highest_on(book.day), book.retirement_of(name)
    tiers = {
        tier: price_to_json(tiered, tiered.highest_on(book.day), book.day)
        for tier, tiered in _find_tier_offers(book, name).items()
    }
    return {
        "schema": "afcost.price/1",
        "provider": name.provider,
        "model": name.short_name,
        "model_id": name.id,
        **price_to_json(offer, card, book.day),
        **{tier: tiers.get(tier) for tier in SERVICE_TIERS},
        "tariff": offer.tariff.to_json(),
        "others": [other.to_json() for other in offer.alternatives],
        "caching": {
            "kind": find_caching_rule(name.provider, name.id).kind,
            "least_tokens": book.min_cached_tokens(name),
        },
        "window": book.context_window(name),
        "retires": ends and {"on": ends.retires_on.isoformat(), "successor": ends.successor},
        "assumptions": list(offer.assumptions),
    }
