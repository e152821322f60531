"""What a reader must know of the prices that a plan rests on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from estimator.workload.planned_model import PlannedModel
from pricing.catalog import billing_rules as rules
from pricing.catalog.model_names import ModelName
from pricing.errors import Disputed, NoPrice
from pricing.money import per_million
from pricing.price_book import PriceBook
from pricing.rates.offer import FARTHEST, Offer
from pricing.rates.rate_card import RateCard

_SOON = timedelta(days=90)
_NOTABLE = Decimal("1.01")


def brief(card: RateCard) -> str:
    """Give a card's main prices for a reader."""
    entry, output = (_amount(rate.base) for rate in (card.input, card.output))
    return f"${entry} in, ${output} out per million"


def _amount(price: Decimal) -> str:
    """Give dollars, without cents where there are none."""
    return per_million(price).removesuffix(".00")


def price_notes(models: dict[str, PlannedModel], today: date, on: date) -> Iterator[str]:
    """Say what was assumed of prices, and what is billed beside them."""
    for model in models.values():
        yield from model.offer.assumptions
        yield from _schedule(model.name, model.offer, today, on)
    for provider in dict.fromkeys(model.name.provider for model in models.values()):
        if note := rules.fee_note(provider):
            yield f"{note}, not included in these figures"


def _schedule(name: ModelName, offer: Offer, today: date, on: date) -> Iterator[str]:
    tariff, then = offer.tariff, offer.card(on)
    past = [day for day in tariff.changes(today) if day <= on]
    if past and not then.same_price(offer.card(today)):
        times = then.input.base / offer.card(today).input.base
        yield (
            f"price of {name}: {brief(then)} from {past[-1]}, used for {on}; "
            f"today it is {brief(offer.card(today))} ({times.normalize():.3g} x)"
        )
    if tariff.hours:
        hours = " and ".join(map(str, tariff.hours))
        yield f"price of {name} differs at {hours}; the highest price of {on} is used"


def price_warnings(models: dict[str, PlannedModel], book: PriceBook, on: date) -> Iterator[str]:
    """Warn of announced prices, retirements and sources that disagree."""
    for model in models.values():
        name, offer = model.name, model.offer
        for day in offer.tariff.changes(on)[:1]:
            yield f"{name} costs {brief(offer.card(day))} from {day}"
        yield from _retirement(name, book, on)
        yield from _doubts(name, offer, book.day, on)
        if offer.disputed(book.day):
            yield str(dispute(name, offer, book.day))
        elif (ratio := offer.disagreement(book.day)) and ratio > _NOTABLE and not offer.named:
            yield (
                f"sources disagree on {name} by up to {ratio.normalize():f} x; "
                f"the ceiling uses the highest, {brief(model.reserve)}"
            )


def _doubts(name: ModelName, offer: Offer, today: date, on: date) -> Iterator[str]:
    card = offer.card(on)
    if card.checked and today - card.checked > _SOON:
        days = (today - card.checked).days
        yield f"the price of {name} is {days} days old; run `afcost prices update`"
    if offer.named and (far := [o for o in offer.others if _far_below(card, o)]):
        yield f"the price of {name} is far below {far[0].source}'s, {brief(far[0])}"


def _far_below(card: RateCard, other: RateCard) -> bool:
    pairs = ((card.input.base, other.input.base), (card.output.base, other.output.base))
    return any(theirs > FARTHEST * ours for ours, theirs in pairs)


def _retirement(name: ModelName, book: PriceBook, on: date) -> Iterator[str]:
    ends = book.retirement(name)
    if ends is None or ends.on > on + _SOON:
        return
    verb = "was retired" if ends.on <= on else "retires"
    yield f"{name} {verb} on {ends.on} ({ends.source}){_successor(name, book, ends.successor, on)}"


def _successor(name: ModelName, book: PriceBook, model_id: str | None, on: date) -> str:
    if model_id is None:
        return ""
    there = ModelName(f"{name.provider}/{model_id}", name.provider, model_id)
    try:
        return f"; its successor {there} costs {brief(book.offer(there).card(on))}"
    except NoPrice:
        return f"; its successor is {there}"


def dispute(name: ModelName, offer: Offer, day: date) -> Disputed:
    """Say how far apart the sources of a price are, and how to settle it."""
    own = offer.tariff.usual(day)
    said = [own, *offer.disputed(day)]
    prices = "; ".join(f"{card.source} says {brief(card)}" for card in said)
    return Disputed(
        f"price of {name}: sources are more than 3 x apart: {prices}. Set a price or a source: "
        f"--price {name}=IN/OUT (USD per million tokens), or --price {name}=SOURCE, such as "
        "genai-prices or litellm"
    )
