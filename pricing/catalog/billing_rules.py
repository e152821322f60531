"""Billing rules beyond the price of a token: `billing_rules.yaml`, as dated data.

Request options multiply a price, special hours apply on some weekdays only, credits cost a fee, and
only long prefixes are cached. Code knows the kinds of rules, never a model.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pricing.data_files import read_data_file
from pricing.money import PICO_PER_USD, Money
from pricing.rates import Hours, Period, PriceOptions, Rate, RateCard, Tariff


@dataclass(frozen=True, slots=True)
class PriceFactor:
    """A multiplier for every price.

    Attributes:
        multiplier: of every price.
        reason: for people to read.
        cached: whether cached prompts keep their lower price; otherwise they cost as any other.
    """

    multiplier: Decimal
    reason: str
    cached: bool = True

    def apply_to(self, card: RateCard) -> RateCard:
        """Return a card with every price multiplied."""
        scaled = card.scaled(self.multiplier)
        return scaled if self.cached else replace(scaled, cache_read=None)


@dataclass(frozen=True, slots=True)
class CachingRule:
    """How a provider caches prefixes.

    Attributes:
        kind: `automatic`, `asked` (only on request), or `none`.
        min_tokens: the length of the shortest prefix that is cached.
        step: only whole multiples of so many tokens are.
    """

    kind: str
    min_tokens: int
    step: int = 1


@dataclass(frozen=True, slots=True)
class SearchFee:
    """What searches that were not asked for cost, in USD for 1,000 requests.

    Attributes:
        least, most: the range that is known.
        source: where it is from.
    """

    least: Decimal
    most: Decimal
    source: str

    @property
    def most_per_request(self) -> Decimal:
        """The most that one request pays, in USD."""
        return self.most / 1000


def find_option_factor(provider: str, model_id: str, options: PriceOptions) -> PriceFactor | None:
    """Return the price multiplier for request options; None where an option has no rule."""
    product, reasons, cached = Decimal(1), [], True
    for field, value in options:
        row = _find_rule("times", provider, model_id, asks={field: value})
        if row is None or row["times"] is None:
            return None
        product *= Decimal(row["times"])
        cached = cached and row.get("cached", True)
        if Decimal(row["times"]) != 1:
            reasons.append(f"{value} is priced at {row['times']} x: {row['source']}")
    return PriceFactor(product, "; ".join(reasons), cached)


def find_host_factor(provider: str, base_url: str) -> PriceFactor | None:
    """Return the surcharge for the host that requests go to; None without one."""
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    for row in _load_rules()["hosts"]:
        if row["provider"] == provider and re.fullmatch(row["host"], host):
            return PriceFactor(Decimal(row["times"]), f"{host}: {row['times']} x, {row['source']}")
    return None


def limit_hours_to_weekdays(provider: str, model_id: str, tariff: Tariff) -> Tariff:
    """Return a tariff with its special hours limited to the weekdays of its rule."""
    row = _find_rule("weekdays", provider, model_id)
    if row is None or not tariff.special_hours:
        return tariff
    days = frozenset(row["days"])
    return Tariff(
        tuple(
            Period(p.card, p.start, p.hours and Hours(p.hours.start, p.hours.end, days))
            for p in tariff.periods
        )
    )


def calculate_fee(provider: str, cost: Money) -> Money:
    """Return what a provider charges on top of its bill, such as for buying credits."""
    row = _find_rule("fees", provider, "")
    if row is None or not cost:
        return Money()
    share = int(Decimal(row["times"]) * cost.pico)
    return Money(max(share, int(Decimal(row["least"]) * PICO_PER_USD)))


def find_highest_extra_rate(extra_class: str) -> Rate | None:
    """Return the most that is known to be charged for a class of `EXTRA_CLASSES`."""
    rows = [row for row in _load_rules()["unplanned"] if row["class"] == extra_class]
    return Rate(max(Decimal(row["most"]) for row in rows)) if rows else None


def find_region_rule(provider: str, model_id: str) -> str | None:
    """Return for which region a provider's listed price is, and what others cost; None if one."""
    row = _find_rule("regions", provider, model_id)
    return f"{row['says']} ({row['source']})" if row else None


def costs_the_same_everywhere(provider: str, model_id: str) -> bool:
    """Return whether a model, named without its geography, has one price in all of them."""
    return _find_rule("geographies", provider, model_id) is not None


def find_search_fee(provider: str, model_id: str) -> SearchFee | None:
    """Return what the searches of a model cost that searches by itself; None for any other."""
    row = _find_rule("searches", provider, model_id.lower())
    if row is None:
        return None
    least, most = map(Decimal, row["fee"])
    return SearchFee(least, most, row["source"])


def describe_fee(provider: str) -> str | None:
    """Describe what a provider charges on top of its bill; None for nothing."""
    row = _find_rule("fees", provider, "")
    if row is None:
        return None
    share = f"{Decimal(row['times']) * 100:f}".rstrip("0").rstrip(".")
    return f"{provider}: {row['what']} costs {share} % more, at least ${row['least']}"


def find_caching_rule(provider: str, model_id: str) -> CachingRule:
    """Return how a provider caches prefixes of a model."""
    row = _find_rule("caching", provider, model_id)
    if row is None:
        return CachingRule("none", 0)
    return CachingRule(row["kind"], row["least"], row.get("step", 1))


def bills_unrequested_writes(provider: str, model_id: str) -> bool:
    """Return whether a provider may bill cache writes that were not requested."""
    return not re.fullmatch(_load_rules()["writes_on_request"], f"{provider}/{model_id}")


def _find_rule(kind: str, provider: str, model_id: str, **same: object) -> dict[str, Any] | None:
    rows = [
        row
        for row in _load_rules()[kind]
        if row["provider"] == provider
        and re.fullmatch(row.get("models", ".*"), model_id)
        and all(row[name] == value for name, value in same.items())
    ]
    return max(enumerate(rows), key=_recency_key, default=(0, None))[1]


def _recency_key(numbered: tuple[int, dict[str, Any]]) -> tuple[date, int]:
    number, row = numbered
    return row.get("checked", date.min), number


@cache
def _load_rules() -> dict[str, Any]:
    rules: dict[str, Any] = read_data_file(Path(__file__).with_name("billing_rules.yaml"))
    return rules
