"""Helpers that the price commands share: the price book, and how prices are formatted."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from afcost.options import today
from estimator.user_dirs import price_folder
from pricing.catalog import ModelName
from pricing.money import format_per_million
from pricing.price_book import PriceBook
from pricing.rates import Rate
from pricing.sources import read_price_lists, read_user_prices
from providers.registry import load_providers


def open_price_book() -> PriceBook:
    """Return today's price book, with the price file of the working folder."""
    return PriceBook(today(), read_user_prices([Path.cwd()]), read_price_lists(price_folder()))


def resolve_written_name(book: PriceBook, model_name_as_written: str) -> ModelName:
    """Resolve a written model name to a provider and its model."""
    return book.resolve_name(model_name_as_written, load_providers({}))


def format_rate(rate: Rate | None) -> str:
    """Format a rate for people; `+` marks higher prices for long prompts."""
    if rate is None:
        return ""
    return format_per_million(rate.base) + ("+" if rate.tiers else "")


def format_disagreement(ratio: Decimal | None) -> str:
    """Format how far other sources differ, as `Offer.disagreement_ratio` returns it."""
    if ratio is None:
        return "none"
    return "agree" if ratio == 1 else f"{ratio.normalize():f} x"
