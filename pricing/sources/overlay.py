"""The project's own prices: `overlay.yaml`, for models that no installed package prices."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from pricing.data_files import read_data_file
from pricing.rates import Period, Rate, RateCard, Tariff
from pricing.sources.table import PriceRows, PriceTable, make_row


def load_overlay(today: date) -> PriceTable:
    """Return the overlay's prices as known on a day; later rows replace earlier ones."""
    known = [each for each in _load_rows() if each["checked"] <= today]
    periods: dict[tuple[str, str], list[Period]] = defaultdict(list)
    for each in sorted(known, key=lambda each: each["checked"]):
        key = (each["provider"], each["model"])
        period = Period(_parse_card(each), each.get("from"))
        periods[key] = [*periods[key], period] if period.start else [period]
    rows: PriceRows = defaultdict(dict)
    for (provider, model), priced in periods.items():
        rows[provider][model] = make_row(Tariff(tuple(priced)))
    return PriceTable("overlay", max((each["checked"] for each in known), default=today), rows)


def _parse_card(entry: dict[str, Any]) -> RateCard:
    rates = {
        name: Rate(Decimal(entry[name])) if name in entry else None
        for name in ("cache_read", "cache_write", "cache_write_1h")
    }
    return RateCard(
        provider=entry["provider"],
        model=entry["model"],
        input=Rate(Decimal(entry["input"])),
        output=Rate(Decimal(entry["output"])),
        **rates,  # type: ignore[arg-type] # three rates
        checked=entry["checked"],
        source=entry["source"],
    )


@cache
def _load_rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_data_file(Path(__file__).with_name("overlay.yaml"))
    return rows
