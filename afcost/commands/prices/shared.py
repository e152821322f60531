"""The price book as a command sees it: with the user's files of this folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from afcost.commands.estimate import today
from pricing.money import per_million

if TYPE_CHECKING:
    from decimal import Decimal

    from pricing.catalog.model_names import ModelName
    from pricing.price_book import PriceBook
    from pricing.rates.rate_card import Rate


def here() -> PriceBook:
    """Give today's prices, with the price file of the working folder."""
    from estimator.user_dirs import price_folder  # noqa: PLC0415 - heavy, and only needed here
    from pricing.price_book import PriceBook  # noqa: PLC0415
    from pricing.sources import fetched_lists as refreshed  # noqa: PLC0415
    from pricing.sources.user_prices import read_user_prices  # noqa: PLC0415

    return PriceBook(today(), read_user_prices([Path.cwd()]), refreshed.read(price_folder()))


def resolved(book: PriceBook, written: str) -> ModelName:
    """Find which provider and model a name means."""
    from providers.registry import providers  # noqa: PLC0415

    return book.resolve(written, providers({}))


def price(rate: Rate | None) -> str:
    """Give a rate for a reader; a step for long prompts is marked."""
    if rate is None:
        return ""
    return per_million(rate.base) + ("+" if rate.tiers else "")


def others(apart: Decimal | None) -> str:
    """Say in a cell by how much other sources differ, as `Offer.disagreement` gives it."""
    if apart is None:
        return "none"
    return "agree" if apart == 1 else f"{apart.normalize():f} x"
