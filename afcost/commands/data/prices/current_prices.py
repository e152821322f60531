"""The price book as it is today, for the commands that look up single models."""

from __future__ import annotations

from pathlib import Path

from afcost.options import today
from estimator.user_dirs import price_folder
from pricing.catalog import ModelName
from pricing.price_book import PriceBook
from pricing.sources import read_price_lists, read_user_prices
from providers.registry import load_providers


def open_price_book() -> PriceBook:
    """Return today's price book, with the price file of the working folder."""
    return PriceBook(today(), read_user_prices([Path.cwd()]), read_price_lists(price_folder()))


def resolve_written_name(book: PriceBook, model_name_as_written: str) -> ModelName:
    """Resolve a written model name to a provider and its model."""
    return book.resolve_name(model_name_as_written, load_providers({}))
