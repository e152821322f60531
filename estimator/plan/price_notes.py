"""Notes and warnings about the prices that a plan is based on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from estimator.workload import PlannedModel
from pricing.catalog import ModelName, SearchFee, describe_fee, find_search_fee
from pricing.errors import Disputed, NoPrice, Unpriced
from pricing.money import format_short_price
from pricing.price_book import PriceBook
from pricing.rates import MAX_PRICE_RATIO, Offer, RateCard
from pricing.sources import PRICE_FILE

_NOTICE_PERIOD = timedelta(days=90)
_NOTABLE_RATIO = Decimal("1.01")


def format_main_prices(card: RateCard) -> str:
    """Return a card's input and output prices as short text."""
    input_price, output_price = (
        format_short_price(rate.base) for rate in (card.input, card.output)
    )
    fee = f" and ${format_short_price(card.per_request)} a request" if card.per_request else ""
    return f"${input_price} in, ${output_price} out per million{fee}"


def list_price_notes(models: dict[str, PlannedModel], today: date, run_date: date) -> Iterator[str]:
    """Yield what is assumed about prices, and which fees are billed in addition."""
    for model in models.values():
        yield from model.offer.assumptions
        yield from _list_price_changes(model.name, model.offer, today, run_date)
    for provider in dict.fromkeys(model.name.provider for model in models.values()):
        if note := describe_fee(provider):
            yield f"{note}, not included in these figures"


def _list_price_changes(
    name: ModelName, offer: Offer, today: date, run_date: date
) -> Iterator[str]:
    tariff, then, now = offer.tariff, offer.highest_on(run_date), offer.highest_on(today)
    changes = [day for day in tariff.change_days(today) if day <= run_date]
    if changes and not then.has_same_price(now):
        ratio = then.input.base / now.input.base
        yield (
            f"price of {name}: {format_main_prices(then)} from {changes[-1]}, used for {run_date}; "
            f"today it is {format_main_prices(now)} ({ratio.normalize():.3g} x)"
        )
    if tariff.special_hours:
        hours = " and ".join(map(str, tariff.special_hours))
        yield f"price of {name} differs at {hours}; the highest price of {run_date} is used"


def list_price_warnings(
    models: dict[str, PlannedModel], book: PriceBook, run_date: date
) -> Iterator[str]:
    """Yield warnings of announced prices, retirements and disagreeing sources."""
    for model in models.values():
        name, offer = model.name, model.offer
        for day in offer.tariff.change_days(run_date)[:1]:
            yield f"{name} costs {format_main_prices(offer.highest_on(day))} from {day}"
        yield from _list_retirement(name, book, run_date, run_date + _NOTICE_PERIOD)
        yield from _list_price_doubts(name, offer, book.day, run_date)
        if offer.disputing_cards(book.day):
            yield str(make_disputed_error(name, offer, book.day))
        elif (
            (ratio := offer.disagreement_ratio(book.day))
            and ratio > _NOTABLE_RATIO
            and not offer.user_chosen
        ):
            yield (
                f"sources disagree on {name} by up to {ratio.normalize():f} x; "
                f"the ceiling uses the highest, {format_main_prices(model.reserve)}"
            )


def _list_price_doubts(name: ModelName, offer: Offer, today: date, run_date: date) -> Iterator[str]:
    card = offer.highest_on(run_date)
    if card.checked and today - card.checked > _NOTICE_PERIOD:
        days = (today - card.checked).days
        yield f"the price of {name} is {days} days old; run `afcost prices update`"
    if offer.user_chosen and (far := [o for o in offer.alternatives if _is_far_below(card, o)]):
        yield f"the price of {name} is far below {far[0].source}'s, {format_main_prices(far[0])}"


def _is_far_below(card: RateCard, other: RateCard) -> bool:
    pairs = ((card.input.base, other.input.base), (card.output.base, other.output.base))
    return any(theirs > MAX_PRICE_RATIO * ours for ours, theirs in pairs)


def list_retirements(
    models: dict[str, PlannedModel], book: PriceBook, until: date | None
) -> Iterator[str]:
    """Yield which models are retired today, or will be by a day; None means at any time."""
    for name in dict.fromkeys(model.name for model in models.values()):
        yield from _list_retirement(name, book, book.day, until or date.max)


def _list_retirement(
    name: ModelName, book: PriceBook, run_date: date, until: date
) -> Iterator[str]:
    retirement = book.retirement_of(name)
    if retirement is None or retirement.retires_on > until:
        return
    verb = "was retired" if retirement.retires_on <= run_date else "retires"
    successor = _describe_successor(name, book, retirement.successor, run_date)
    yield f"{name} {verb} on {retirement.retires_on} ({retirement.source}){successor}"


def _describe_successor(
    name: ModelName, book: PriceBook, model_id: str | None, run_date: date
) -> str:
    if model_id is None:
        return ""
    successor = ModelName(f"{name.provider}/{model_id}", name.provider, model_id)
    try:
        card = book.offer_for(successor).highest_on(run_date)
    except NoPrice:
        return f"; its successor is {successor}"
    return f"; its successor {successor} costs {format_main_prices(card)}"


def refuse_unpriced_searches(
    models: dict[str, PlannedModel], run_date: date, place: str = PRICE_FILE
) -> None:
    """Refuse models that charge for searches of their own, unless a price covers them.

    Args:
        models: by written name.
        run_date: the day whose prices count.
        place: where the price file is to be.

    Raises:
        Unpriced: names every such model.
    """
    found = [
        _describe_search_fee(model.name, fee, model.offer.highest_on(run_date))
        for model in models.values()
        if (fee := find_search_fee(model.name.provider, model.name.id))
        and not model.offer.highest_on(run_date).per_request
    ]
    if found:
        problems, lines = (tuple(dict.fromkeys(each)) for each in zip(*found, strict=True))
        raise Unpriced("\n".join(problems), lines, place)


def _describe_search_fee(name: ModelName, fee: SearchFee, card: RateCard) -> tuple[str, str]:
    """Return that a model's searches have no price, and the line that would set one."""
    prices = f'input: "{card.input.base:f}", output: "{card.output.base:f}"'
    problem = (
        f"{name} searches the web by itself, and each search is charged beside its tokens: "
        f"${fee.least:f} to ${fee.most:f} for 1,000 requests are known ({fee.source}). Choose "
        "another model, or set a price with the fee that covers all searches of a request."
    )
    return problem, f'{name}: {{{prices}, per_request: "{fee.most_per_request.normalize():f}"}}'


def make_disputed_error(name: ModelName, offer: Offer, day: date) -> Disputed:
    """Return an error that states how far a price's sources differ, and how to choose one."""
    cards = [offer.tariff.typical(day), *offer.disputing_cards(day)]
    prices = "; ".join(f"{card.source} says {format_main_prices(card)}" for card in cards)
    return Disputed(
        f"price of {name}: sources are more than 3 x apart: {prices}. Set a price or a source: "
        f"--price {name}=IN/OUT (USD per million tokens), or --price {name}=SOURCE, such as "
        "genai-prices or litellm"
    )
