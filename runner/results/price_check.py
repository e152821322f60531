"""Price checks: what a provider says that its calls cost, against the pinned price of their usage.

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
from providers.registry import providers
from runner.run_folder import Run

_SAME_PRICE = 0.01


@dataclass(frozen=True, slots=True)
class PriceCheck:
    """What a model's provider says that calls cost, against the pinned price of their usage.

    Attributes:
        calls: how many of which it says so.
        stated, pinned: what they cost in all.
    """

    calls: int
    stated: Money
    pinned: Money

    @property
    def ratio(self) -> float:
        """Stated by pinned."""
        return self.stated.pico / self.pinned.pico if self.pinned else float("inf")

    @property
    def agrees(self) -> bool:
        """Whether both are the same, to one per cent."""
        return abs(self.stated.pico - self.pinned.pico) <= _SAME_PRICE * self.pinned.pico

    def to_json(self) -> dict[str, Any]:
        """Give dollars as decimal strings."""
        money = {"stated_usd": self.stated.exact(), "pinned_usd": self.pinned.exact()}
        return {"calls": self.calls, **money, "agrees": self.agrees}


def price_checks(run: Run, rows: list[sqlite3.Row]) -> dict[str, PriceCheck]:
    """Compare every model's stated costs with its pinned price.

    Args:
        run: with the plan.
        rows: attempts joined with their answers; `last` and `at` are of their last entry.
    """
    known = providers(run.spec.providers)
    checks: dict[str, PriceCheck] = {}
    for row in rows:
        if row["last"] != "settle":
            continue
        model = run.plan.models[row["written"]]
        stated = _stated(row, known[model.name.provider])
        if stated is None:
            continue
        usage = Usage(row["input"], row["output"], row["cache_read"], row["cache_write"])
        pinned = model.offer.at(datetime.fromisoformat(row["at"])).cost(usage)
        before = checks.get(str(model.name), PriceCheck(0, Money(), Money()))
        checks[str(model.name)] = PriceCheck(
            before.calls + 1, before.stated + stated, before.pinned + pinned
        )
    return checks


def _stated(row: sqlite3.Row, provider: Provider) -> Money | None:
    """Give what a provider says that a call cost, whether that is booked or not."""
    if row["stated_cost"] is not None:
        return Money(row["stated_cost"])
    if provider.estimate_field is None:
        return None
    usage = json.loads(row["usage"] or "{}", parse_float=Decimal)
    return wire.stated(usage.get(provider.estimate_field)) if isinstance(usage, dict) else None
