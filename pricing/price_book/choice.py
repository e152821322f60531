"""Which source's price is used where sources disagree, and why."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from itertools import combinations

from pricing.catalog import ModelName
from pricing.errors import Unpriced
from pricing.money import format_short_price
from pricing.price_book.listings import SourcedPrice
from pricing.rates import RateCard, price_ratio
from pricing.sources import BundledPrices, PriceSource

_AGREEMENT_RATIO = Decimal("1.01")  # prices no further apart than this agree


def choose_source(
    name: ModelName, prices: list[SourcedPrice], day: date, fetched: Collection[PriceSource]
) -> tuple[int, list[str]]:
    """Choose the highest source, unless two others, no older, agree on another price.

    A single table is wrong now and then; two are rarely wrong in the same way.

    Args:
        name: the model.
        prices: at least one, the best source first.
        day: the book's day.
        fetched: sources that were fetched later than all installed data.

    Returns:
        the position of the chosen one, and what to say of the choice.
    """
    best, since = prices[0], _last_verified_on(prices[0], day, fetched)
    voting = [
        (at, price)
        for at, price in enumerate(prices)
        if price.card.checked is not None and price.card.checked >= since
    ]
    for (at, one), (_, other) in combinations(voting, 2):
        if _disagree(best, one) and not _disagree(one, other):
            both = f"{one.source_name} and {other.source_name} agree on {format_prices(one.card)}"
            alone = f"{best.source_name} alone says {format_prices(best.card)}"
            return at, [f"price of {name}: {both}, which is used; {alone}"]
    against = [each for each in prices[1:] if _disagree(best, each)]
    return 0, [_explain_best(name, prices, against, since)] if against else []


def find_source(name: ModelName, prices: list[SourcedPrice], source: str) -> int:
    """Return the position of the source that the user chose.

    Raises:
        Unpriced: it has no price.
    """
    names = [price.source_name for price in prices]
    if source not in names:
        raise Unpriced(
            f"{name}: {source!r} has no price for it; sources that do: {', '.join(names)}"
        )
    return names.index(source)


def format_prices(card: RateCard) -> str:
    """Return a card's main prices as short text, such as `$3.30 in / $16.50 out`."""
    fee = f" / ${format_short_price(card.per_request)} a request" if card.per_request else ""
    prompt, output = (format_short_price(rate.base) for rate in (card.input, card.output))
    return f"${prompt} in / ${output} out{fee}"


def _explain_best(
    name: ModelName, prices: list[SourcedPrice], against: list[SourcedPrice], since: date
) -> str:
    """Say why the best source's price is used although others say something else."""
    best, *rest = prices
    agreeing = [each.source_name for each in rest if each not in against]
    others = "; ".join(f"{each.source_name} says {format_prices(each.card)}" for each in against)
    older = [each for each in against if each.card.checked is None or each.card.checked < since]
    if agreeing:
        why = f"{' and '.join(agreeing)} agrees"
    elif len(older) == len(against) and since > date.min:
        why = f"it changed its price on {since}, after the others were read"
    else:
        why = "no two others, read as recently, agree on another price"
    return (
        f"price of {name}: {format_prices(best.card)} of {best.source_name} is used, as {why} "
        f"({others}); reservations use the highest"
    )


def _disagree(one: SourcedPrice, other: SourcedPrice) -> bool:
    return price_ratio(one.card, other.card) > _AGREEMENT_RATIO


def _last_verified_on(best: SourcedPrice, day: date, fetched: Collection[PriceSource]) -> date:
    """Return the latest day on which the best source is known to be right.

    The package's data has no date of its own: only the dated changes of a row are certain.
    """
    if best.source in fetched:
        return day  # all installed data is older than a fetched list
    if not isinstance(best.source, BundledPrices):
        return best.card.checked or date.min
    starts = (period.start for period in best.tariff.periods if period.start)
    return max((start for start in starts if start <= day), default=date.min)
