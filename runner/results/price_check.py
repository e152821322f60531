"""Price checks: costs stated by providers against the pinned price of the same usage.

A provider that states a cost tells whether the price that the plan rests on was right.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pricing.money import Money
from pricing.usage import Usage
from providers import reply as wire
from providers.provider import Provider
from providers.registry import load_providers
from runner.run_folder import RunFolder

_PRICE_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class PriceCheck:
    """A provider's stated costs for one model against the pinned price of the same usage.

    Attributes:
        calls: how many of which it says so.
        stated, pinned: what they cost in all.
    """

    calls: int
    stated: Money
    pinned: Money

    @property
    def ratio(self) -> float:
        """Stated cost divided by pinned cost."""
        return self.stated.pico / self.pinned.pico if self.pinned else float("inf")

    @property
    def agrees(self) -> bool:
        """Whether the two costs agree to within one per cent."""
        return abs(self.stated.pico - self.pinned.pico) <= _PRICE_TOLERANCE * self.pinned.pico

    def to_json(self) -> dict[str, Any]:
        """Return the check as JSON; dollars as decimal strings."""
        money = {
            "stated_usd": self.stated.to_decimal_string(),
            "pinned_usd": self.pinned.to_decimal_string(),
        }
        return {"calls": self.calls, **money, "agrees": self.agrees}


def check_prices(run_folder: RunFolder, rows: list[sqlite3.Row]) -> dict[str, PriceCheck]:
    """Compare each model's stated costs with its pinned price.

    Args:
        run_folder: with the plan.
        rows: attempts joined with their answers; `last` and `at` are of their last entry.
    """
    known = load_providers(run_folder.spec.providers)
    checks: dict[str, PriceCheck] = {}
    for row in rows:
        if row["last"] != "settle":
            continue
        model = run_folder.plan.models[row["written"]]
        stated = _stated_cost(row, known[model.name.provider])
        if stated is None:
            continue
        usage = Usage(row["input"], row["output"], row["cache_read"], row["cache_write"])
        pinned = model.offer.card_at(datetime.fromisoformat(row["at"])).cost(usage)
        before = checks.get(str(model.name), PriceCheck(0, Money(), Money()))
        checks[str(model.name)] = PriceCheck(
            before.calls + 1, before.stated + stated, before.pinned + pinned
        )
    return checks


def _stated_cost(row: sqlite3.Row, provider: Provider) -> Money | None:
    """Return the cost that a provider states for a call, whether or not it is what was settled."""
    if row["stated_cost"] is not None:
        return Money(row["stated_cost"])
    if provider.estimate_field is None:
        return None
    usage = json.loads(row["usage"] or "{}", parse_float=Decimal)
    return (
        wire.parse_stated_cost(usage.get(provider.estimate_field))
        if isinstance(usage, dict)
        else None
    )
