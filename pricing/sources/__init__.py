"""Where prices come from, and how each source is read."""

from pricing.sources.base import PriceSource
from pricing.sources.bundled import BundledPrices, load_bundled_prices
from pricing.sources.crosscheck import load_crosschecks
from pricing.sources.dated_ids import strip_date
from pricing.sources.deepinfra import PRICE_LIST_URL, parse_deepinfra
from pricing.sources.fetched_lists import (
    LIST_NAMES,
    find_price_changes,
    previous_path,
    price_list_path,
    read_price_list,
    read_price_lists,
    serialize_price_list,
)
from pricing.sources.field_validation import MalformedPriceList, require_text
from pricing.sources.genai import GenaiSource, load_bundled
from pricing.sources.openrouter import parse_openrouter
from pricing.sources.overlay import load_overlay
from pricing.sources.price_files import PRICE_FILE
from pricing.sources.table import PriceRows, PriceTable
from pricing.sources.user_prices import UserPrice, read_price_flags, read_user_prices

__all__ = [
    "LIST_NAMES",
    "PRICE_FILE",
    "PRICE_LIST_URL",
    "BundledPrices",
    "GenaiSource",
    "MalformedPriceList",
    "PriceRows",
    "PriceSource",
    "PriceTable",
    "UserPrice",
    "find_price_changes",
    "load_bundled",
    "load_bundled_prices",
    "load_crosschecks",
    "load_overlay",
    "parse_deepinfra",
    "parse_openrouter",
    "previous_path",
    "price_list_path",
    "read_price_flags",
    "read_price_list",
    "read_price_lists",
    "read_user_prices",
    "require_text",
    "serialize_price_list",
    "strip_date",
]
