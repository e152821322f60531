"""The price book as a command sees it: with the user's files of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from afcost.estimate import today

if TYPE_CHECKING:
    from decimal import Decimal

    from pricing.book import PriceBook
    from pricing.card import Rate, RateCard
    from pricing.names import ModelName


def here() -> PriceBook:
    """Give today's prices, with the price file of the working folder."""
    from estimator.folders import price_folder  # noqa: PLC0415 - heavy, and only needed here
    from pricing.book import PriceBook  # noqa: PLC0415
    from pricing.sources import refreshed  # noqa: PLC0415
    from pricing.user import read_user_prices  # noqa: PLC0415

    return PriceBook(today(), read_user_prices([Path.cwd()]), refreshed.read(price_folder()))


def resolved(book: PriceBook, written: str) -> ModelName:
    """Find which provider and model a name means."""
    from experiment.providers import providers  # noqa: PLC0415

    return book.resolve(written, providers({}))


def price(rate: Rate | None) -> str:
    """Give a rate for a reader; a step for long prompts is marked."""
    if rate is None:
        return ""
    return plain(rate.base) + ("+" if rate.tiers else "")


def plain(amount: Decimal) -> str:
    """Give a decimal amount with two places at least, and no idle zeros after them."""
    whole, _, places = f"{amount:f}".partition(".")
    return f"{whole}.{places.rstrip('0'):0<2}"


def origin(card: RateCard) -> str:
    """Say where a card comes from, and when it was read."""
    return f"{card.source}, {card.checked}" if card.checked else card.source
