"""Price checks: costs stated by providers against the pinned price of the same usage.

A provider that states a cost tells whether the price that the plan rests on was right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pricing.money import Money
from pricing.usage import Usage
from providers.provider import Provider
from providers.registry import load_providers
from providers.usage_fields import parse_stated_cost
from runner.ledger import AttemptRecord, StoredAnswer
from runner.run_folder import RunFolder

_PRICE_TOLERANCE = 0.01


@dataclass(frozen=True, slots=True)
class PriceCheck:
    """A provider's stated costs for one model against the pinned price of the same usage.

    Attributes:
        calls: how many of which it says so.
        stated, pinned: their total cost.
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


class PriceTally:
    """Compares each model's stated costs with its pinned price, job by job.

    Args:
        run_folder: with the plan.

    Attributes:
        checks: the comparison of each model that was stated a cost, by its name.
    """

    def __init__(self, run_folder: RunFolder) -> None:
        self.checks: dict[str, PriceCheck] = {}
        self._models = run_folder.plan.models
        self._known = load_providers(run_folder.spec.providers)

    def add(self, records: Iterable[AttemptRecord]) -> None:
        """Add a job's attempts."""
        for record in records:
            if record.answer is not None:
                self._add_answer(record, record.answer)

    def _add_answer(self, record: AttemptRecord, answer: StoredAnswer) -> None:
        model = self._models[record.attempt.model]
        stated = _stated_cost(answer, self._known[model.name.provider])
        if stated is None:
            return
        card = model.offer.card_at(datetime.fromisoformat(record.last_at))
        pinned = card.cost(_usage(answer))
        if record.settled:  # no less than its usage costs: less is the price of a batch
            pinned = min(pinned, record.settled)
        self.add_checks({str(model.name): PriceCheck(1, stated, pinned)})

    def take_checks(self) -> dict[str, PriceCheck]:
        """Return the comparisons so far, and begin again."""
        taken, self.checks = self.checks, {}
        return taken

    def add_checks(self, checks: Mapping[str, PriceCheck]) -> None:
        """Add comparisons of other attempts."""
        for name, more in checks.items():
            before = self.checks.get(name, PriceCheck(0, Money(), Money()))
            self.checks[name] = PriceCheck(
                before.calls + more.calls,
                before.stated + more.stated,
                before.pinned + more.pinned,
            )


def _usage(answer: StoredAnswer) -> Usage:
    return Usage(answer.input, answer.output, answer.cache_read, answer.cache_write)


def _stated_cost(answer: StoredAnswer, provider: Provider) -> Money | None:
    """Return the cost that a provider states for a call, whether or not it is what was settled."""
    if answer.stated_cost is not None:
        return Money(answer.stated_cost)
    if provider.estimate_field is None:
        return None
    usage = json.loads(answer.usage or "{}", parse_float=Decimal)
    return (
        parse_stated_cost(usage.get(provider.estimate_field)) if isinstance(usage, dict) else None
    )
