"""The price book as a command sees it: with the user's files of this folder."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from afcost.options import today
from estimator.user_dirs import price_folder
from pricing.catalog.model_names import ModelName
from pricing.money import per_million
from pricing.price_book import PriceBook
from pricing.rates.rate_card import Rate
from pricing.sources import fetched_lists as refreshed
from pricing.sources.user_prices import read_user_prices
from providers.registry import providers


def here() -> PriceBook:
    """Give today's prices, with the price file of the working folder."""
    return PriceBook(today(), read_user_prices([Path.cwd()]), refreshed.read(price_folder()))


def resolved(book: PriceBook, written: str) -> ModelName:
    """Find which provider and model a name means."""
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
