"""Price lists as their providers publish them, and how a test takes one."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from genai_prices.data_snapshot import get_snapshot

from pricing.errors import CannotUpdate
from pricing.rates.rate_card import TOKEN_CLASSES, RateCard
from pricing.rates.tariff import Tariff
from pricing.refresh.update import list_feeds, update_feed
from pricing.sources import deepinfra, openrouter
from pricing.sources import fetched_lists as refreshed
from pricing.sources.table import PriceTable
from tests.pricing.arbitrary_json import encoded

DAY = date(2026, 11, 21)
LATER = date(2026, 11, 22)
FEEDS = {feed.name: feed for feed in list_feeds()}
Change = Callable[[Any], None]


def openrouter_list(models: int = 60, prompt: str = "0.000001") -> dict[str, Any]:
    priced = {"prompt": prompt, "completion": "0.000002", "request": "0", "input_cache_read": ""}
    return {
        "data": [
            {"id": f"lab/m{at}", "context_length": 8192, "pricing": dict(priced)}
            for at in range(models)
        ]
    }


def deepinfra_list(models: int = 24, entry: float = 0.00004) -> list[dict[str, Any]]:
    priced = {"type": "tokens", "cents_per_input_token": entry, "cents_per_output_token": 0.0001}
    return [
        {"model_name": f"lab/m{at}", "max_tokens": 8192, "pricing": dict(priced)}
        for at in range(models)
    ]


def genai_list() -> list[dict[str, Any]]:
    """Return the package's own models in the form in which they are published."""

    def rate(value: Any) -> Any:
        if value is None or isinstance(value, Decimal):
            return value if value is None else float(value)
        tiers = [{"start": tier.start, "price": float(tier.price)} for tier in value.tiers]
        return {"base": float(value.base), "tiers": tiers}

    def prices(each: Any) -> dict[str, Any]:
        return {name: rate(value) for name, value in vars(each).items() if value is not None}

    def model(each: Any) -> dict[str, Any]:
        usual = each.prices[-1].prices if isinstance(each.prices, list) else each.prices
        about = {"id": each.id, "match": {"equals": each.id}, "prices": prices(usual)}
        return about | ({"context_window": each.context_window} if each.context_window else {})

    return [
        {
            "id": provider.id,
            "name": provider.name,
            "api_pattern": "https://nowhere",
            "models": [model(each) for each in provider.models],
        }
        for provider in get_snapshot().providers
    ]


GOOD: dict[str, Any] = {"openrouter": openrouter_list(), "deepinfra": deepinfra_list()}


def changed(name: str, change: Change, models: slice = slice(1)) -> bytes:
    """Return a good list of a provider with some models changed, by default the first."""
    payload = copy.deepcopy(GOOD[name])
    for model in (payload["data"] if name == "openrouter" else payload)[models]:
        change(model)
    return encoded(payload)


def priced(**fields: Any) -> Change:
    return lambda model: model["pricing"].update(fields)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*")}


def cards(table: PriceTable) -> Iterator[RateCard]:
    for models in table.rows.values():
        for row in models.values():
            for offer in row["offers"]:
                yield from (period.card for period in Tariff.from_json(offer["tariff"]).periods)


def assert_believable(table: PriceTable) -> None:
    for card in cards(table):
        rates = [rate for name in TOKEN_CLASSES if (rate := getattr(card, name))]
        prices = [price for rate in rates for price in (rate.base, *dict(rate.tiers).values())]
        assert all(price.is_finite() and 0 <= price <= 10_000 for price in prices), card
        assert 0 <= card.per_request <= 1, card


def take(name: str, body: bytes, folder: Path, day: date = DAY) -> PriceTable:
    """Take a list out of a file; where it is refused, make sure that nothing has changed."""
    before = contents(folder)
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(body)
        file.flush()
        try:
            update_feed(replace(FEEDS[name], url=file.name), folder, day)
        except CannotUpdate as error:
            told = len(str(error))
            assert contents(folder) == before
            assert told < 2_000
            raise
    [table] = (table for table in refreshed.read_price_lists(folder) if table.name == name)
    assert_believable(table)
    return table


READ = {"openrouter": openrouter.parse_openrouter, "deepinfra": deepinfra.parse_deepinfra}
ROWS = {
    name: READ[name](json.loads(encoded(GOOD[name]), parse_float=Decimal), DAY) for name in GOOD
}
KEPT = {
    name: refreshed.serialize_price_list(name, "https://x", DAY, rows)
    for name, rows in ROWS.items()
}
