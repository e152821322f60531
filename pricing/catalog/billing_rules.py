"""Billing rules beside the price of a token: `billing_rules.yaml`, as dated data.

What is asked of a request multiplies its price, hours count on some weekdays only, credits cost a
fee, a prefix must be long enough to be cached. Code knows the kinds of rules, never a model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from pricing.money import PICO_PER_USD, Money
from pricing.rates.service_tiers import Asked
from pricing.rates.tariff import Hours, Period, Tariff


@dataclass(frozen=True, slots=True)
class Factor:
    """What every price is multiplied by, and why."""

    times: Decimal
    why: str


@dataclass(frozen=True, slots=True)
class Caching:
    """How a provider caches prefixes.

    Attributes:
        kind: automatic, asked, or none.
        least: the shortest prefix in tokens that is cached.
    """

    kind: str
    least: int


def factor(provider: str, model_id: str, asked: Asked) -> Factor | None:
    """Give what a request's fields multiply its price by; None where a field has no rule."""
    product, reasons = Decimal(1), []
    for field, value in asked:
        row = _last("times", provider, model_id, asks={field: value})
        if row is None:
            return None
        product *= Decimal(row["times"])
        if Decimal(row["times"]) != 1:
            reasons.append(f"{value} is priced at {row['times']} x: {row['source']}")
    return Factor(product, "; ".join(reasons))


def host_factor(provider: str, base_url: str) -> Factor | None:
    """Give the surcharge of an address that a provider's requests go to; None without one."""
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    for row in _rules()["hosts"]:
        if row["provider"] == provider and re.fullmatch(row["host"], host):
            return Factor(Decimal(row["times"]), f"{host}: {row['times']} x, {row['source']}")
    return None


def on_weekdays(provider: str, model_id: str, tariff: Tariff) -> Tariff:
    """Give a tariff whose special hours count only on the weekdays that a rule names."""
    row = _last("weekdays", provider, model_id)
    if row is None or not tariff.hours:
        return tariff
    days = frozenset(row["days"])
    return Tariff(
        tuple(
            Period(p.card, p.start, p.hours and Hours(p.hours.start, p.hours.end, days))
            for p in tariff.periods
        )
    )


def fee(provider: str, cost: Money) -> Money:
    """Give what is paid to a provider beside what it bills, such as for buying credits."""
    row = _last("fees", provider, "")
    if row is None or not cost:
        return Money()
    share = int(Decimal(row["times"]) * cost.pico)
    return Money(max(share, int(Decimal(row["least"]) * PICO_PER_USD)))


def fee_note(provider: str) -> str | None:
    """Say what is paid to a provider beside what it bills; None for nothing."""
    row = _last("fees", provider, "")
    if row is None:
        return None
    share = f"{Decimal(row['times']) * 100:f}".rstrip("0").rstrip(".")
    return f"{provider}: {row['what']} costs {share} % more, at least ${row['least']}"


def caching(provider: str, model_id: str) -> Caching:
    """Say how a provider caches prefixes of a model."""
    row = _last("caching", provider, model_id)
    return Caching(row["kind"], row["least"]) if row else Caching("none", 0)


def bills_writes_unasked(provider: str, model_id: str) -> bool:
    """Say whether a provider with a price for cache writes may bill some that nobody asked for."""
    return not re.fullmatch(_rules()["writes_on_request"], f"{provider}/{model_id}")


def _last(kind: str, provider: str, model_id: str, **same: Any) -> dict[str, Any] | None:  # noqa: ANN401 - of YAML
    rows = [
        row
        for row in _rules()[kind]
        if row["provider"] == provider
        and re.fullmatch(row.get("models", ".*"), model_id)
        and all(row[name] == value for name, value in same.items())
    ]
    return max(enumerate(rows), key=_newest, default=(0, None))[1]


def _newest(numbered: tuple[int, dict[str, Any]]) -> tuple[date, int]:
    number, row = numbered
    return row.get("checked", date.min), number


@cache
def _rules() -> dict[str, Any]:
    text = (Path(__file__).parent / "billing_rules.yaml").read_text(encoding="utf-8")
    rules: dict[str, Any] = yaml.safe_load(text)
    return rules
