"""`afcost prices show`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from afcost.commands.prices.shared import here, price, resolved
from afcost.rendering import console as draw
from estimator.plan.export import price_json
from pricing.catalog import billing_rules as rules
from pricing.catalog.model_names import ModelName
from pricing.errors import NoPrice
from pricing.money import per_million
from pricing.price_book import PriceBook
from pricing.rates.offer import Offer
from pricing.rates.rate_card import RateCard
from pricing.rates.service_tiers import TIERS

_HEADER = ["", "in", "out", "cached", "write", "write 1 h", "request"]


@click.command("show")
@click.argument("model")
@click.option("--format", type=click.Choice(["table", "json"]), default="table")
def command(*, model: str, format: str) -> None:  # noqa: A002 - the option's name
    """Show what MODEL costs: token classes, tiers, hours, announced prices and sources."""
    book = here()
    name = resolved(book, model)
    offer = book.offer(name)
    if format == "json":
        click.echo(json.dumps(_json(book, name, offer), indent=2))
    else:
        _draw(book, name, offer)


def _draw(book: PriceBook, name: ModelName, offer: Offer) -> None:
    console = draw.out()
    card, tiered = offer.card(book.day), _tiered(book, name)
    draw.say(console, f"{name}, {name.id} at {name.provider}" if name.alias else str(name), "bold")
    draw.table(console, _HEADER, list(_rows(book, offer, tiered)), left=1)
    draw.say(console, f"USD per million tokens, from {draw.origin(card)}", "dim")
    for line in _remarks(book, name, offer, tiered):
        draw.say(console, line)


def _rows(book: PriceBook, offer: Offer, tiered: dict[str, Offer]) -> Iterator[list[str]]:
    for period in _current(offer, book):
        when = f" {period.hours}" if period.hours else ""
        start = f" from {period.start}" if period.start and period.start > book.day else ""
        yield from _card_rows(f"standard{start}{when}", period.card)
    for tier, asked in tiered.items():
        yield from _card_rows(tier, asked.card(book.day))


def _current(offer: Offer, book: PriceBook) -> list[Any]:
    """Give the periods that hold now or later, without what a later one has replaced."""
    periods = offer.tariff.periods
    begun = [p.start for p in periods if p.start and p.start <= book.day]
    newest = max(begun, default=None)
    return [p for p in periods if (p.start is None and newest is None) or (
        p.start is not None and (newest is None or p.start >= newest)
    )]  # fmt: skip


def _card_rows(label: str, card: RateCard) -> Iterator[list[str]]:
    rates = [card.input, card.output, card.cache_read, card.cache_write, card.cache_write_1h]
    fee = per_million(card.per_request) if card.per_request else ""
    yield [label, *((rate and per_million(rate.base)) or "" for rate in rates), fee]
    for over in sorted({over for rate in rates if rate for over in rate.thresholds}):
        yield [
            f"  above {over:,} tokens",
            *((rate and per_million(rate.at(over + 1))) or "" for rate in rates),
            fee,
        ]


def _tiered(book: PriceBook, name: ModelName) -> dict[str, Offer]:
    offers = {}
    for tier, asked in TIERS.items():
        try:
            offer = book.offer(name, asked)
            offer.card(book.day)  # it may begin later
            offers[tier] = offer
        except NoPrice:
            continue
    return offers


def _remarks(
    book: PriceBook, name: ModelName, offer: Offer, tiered: dict[str, Offer]
) -> Iterator[str]:
    yield from offer.assumptions
    for tier, asked in tiered.items():
        own = (each for each in asked.assumptions if each not in offer.assumptions)
        yield from (f"{tier}: {each}" for each in own)
    yield from _sources(book, offer)
    yield from _facts(book, name, offer)


def _sources(book: PriceBook, offer: Offer) -> Iterator[str]:
    for other in offer.others:
        yield f"{draw.origin(other)} says {price(other.input)} in, {price(other.output)} out"
    apart = offer.disagreement(book.day)
    if apart is None:
        yield "no other source has a price"
    elif apart > 1:
        yield f"sources differ by up to {apart.normalize():f} x; reservations use the highest"


def _facts(book: PriceBook, name: ModelName, offer: Offer) -> Iterator[str]:
    caching = rules.caching(name.provider, name.id)
    if offer.card(book.day).cache_read is not None and caching.kind != "none":
        how = "automatically" if caching.kind == "automatic" else "if cache_control requests it"
        yield f"prefixes of {book.min_cached(name):,} tokens or more are cached {how}"
    if window := book.window(name):
        yield f"context window {window:,} tokens"
    if ends := book.retirement(name):
        instead = f"; recommended successor: {ends.successor}" if ends.successor else ""
        yield f"retires on {ends.on} ({ends.source}){instead}"
    if note := rules.fee_note(name.provider):
        yield note


def _json(book: PriceBook, name: ModelName, offer: Offer) -> dict[str, Any]:
    card, ends = offer.card(book.day), book.retirement(name)
    tiers = {
        tier: price_json(tiered, tiered.card(book.day), book.day)
        for tier, tiered in _tiered(book, name).items()
    }
    return {
        "schema": "afcost.price/1",
        "provider": name.provider,
        "model": name.short,
        "model_id": name.id,
        **price_json(offer, card, book.day),
        **{tier: tiers.get(tier) for tier in TIERS},
        "tariff": offer.tariff.to_json(),
        "others": [other.to_json() for other in offer.others],
        "caching": {
            "kind": rules.caching(name.provider, name.id).kind,
            "least_tokens": book.min_cached(name),
        },
        "window": book.window(name),
        "retires": ends and {"on": ends.on.isoformat(), "successor": ends.successor},
        "assumptions": list(offer.assumptions),
    }
