"""The project's own prices: `overlay.yaml`, for what no installed package knows."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pricing.rates.rate_card import Rate, RateCard
from pricing.rates.tariff import Period, Tariff
from pricing.sources.table import Rows, Table, row


def overlay(today: date) -> Table:
    """Give the overlay's prices as they were known on a day; a later row replaces an earlier."""
    known = [each for each in _rows() if each["checked"] <= today]
    periods: dict[tuple[str, str], list[Period]] = defaultdict(list)
    for each in sorted(known, key=lambda each: each["checked"]):
        key = (each["provider"], each["model"])
        period = Period(_card(each), each.get("from"))
        periods[key] = [*periods[key], period] if period.start else [period]
    rows: Rows = defaultdict(dict)
    for (provider, model), priced in periods.items():
        rows[provider][model] = row(Tariff(tuple(priced)))
    return Table("overlay", max((each["checked"] for each in known), default=today), rows)


def _card(each: dict[str, Any]) -> RateCard:
    rates = {
        name: Rate(Decimal(each[name])) if name in each else None
        for name in ("cache_read", "cache_write", "cache_write_1h")
    }
    return RateCard(
        provider=each["provider"],
        model=each["model"],
        input=Rate(Decimal(each["input"])),
        output=Rate(Decimal(each["output"])),
        **rates,  # type: ignore[arg-type] # three rates
        checked=each["checked"],
        source=each["source"],
    )


@cache
def _rows() -> list[dict[str, Any]]:
    text = (Path(__file__).parent / "overlay.yaml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = yaml.safe_load(text)
    return rows
