"""What other published tables say: `crosscheck.json`, made by `scripts/crosscheck.py`.

Where the better sources know a model, these tell how far they can be believed, and how much more a
reservation must hold. Where they do not, these are all there is.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from pricing.card import Rate, RateCard
from pricing.sources.source import Asked
from pricing.tariff import Tariff

_RATES = {
    "in": "input",
    "out": "output",
    "read": "cache_read",
    "write": "cache_write",
    "hour": "cache_write_1h",
}


class CrossCheck:
    """One of the tables.

    Args:
        index: which of the file's sources.
        data: the file.
    """

    def __init__(self, index: int, data: dict[str, Any]) -> None:
        self._index = index
        self._rows = data["rows"]
        about = data["sources"][index]
        self.name: str = about["package"]
        self._source = f"{about['package']} {about['version']}"
        self.checked = date.fromisoformat(about["read"])

    def tariff(self, provider: str, model_id: str, asked: Asked = ()) -> Tariff | None:
        """Give the price; None where there is none for what is asked."""
        facts = self._facts(provider, model_id)
        for field, value in asked:
            tiered = facts.get(value) if field == "service_tier" else None
            facts = tiered if isinstance(tiered, dict) else {}
        if not facts.keys() >= {"in", "out"}:
            return None
        rates = {name: self._rate(facts, key) for key, name in _RATES.items() if key in facts}
        about = {"checked": self.checked, "source": self._source}
        return Tariff.flat(RateCard(provider, model_id, **rates, **about))  # type: ignore[arg-type]

    def window(self, provider: str, model_id: str) -> int | None:
        """Give the context window in tokens."""
        return self._facts(provider, model_id).get("window")

    def retires(self, provider: str, model_id: str) -> date | None:
        """Give the day from which the provider no longer serves a model."""
        day = self._facts(provider, model_id).get("retires")
        return day and date.fromisoformat(day)

    def min_cached(self, provider: str, model_id: str) -> int | None:
        """Give the shortest prefix in tokens that the provider caches."""
        return self._facts(provider, model_id).get("min_cached")

    def ids(self, provider: str) -> list[str]:
        """Give the ids of all of a provider's models."""
        return [name for name in self._rows.get(provider, ()) if self._facts(provider, name)]

    def _facts(self, provider: str, model_id: str) -> dict[str, Any]:
        rows = self._rows.get(provider, {}).get(model_id, ())
        return next((facts for facts in rows if facts["s"] == self._index), {})

    def _rate(self, facts: dict[str, Any], key: str) -> Rate:
        tiers = tuple((over, Decimal(prices[key])) for over, prices in facts.get("tiers", ())
                      if key in prices)  # fmt: skip
        return Rate(Decimal(facts[key]), tiers)


@cache
def crosschecks() -> list[CrossCheck]:
    """Give the tables of the file; what a provider's own list says comes before a collection."""
    text = (Path(__file__).parent / "crosscheck.json").read_text(encoding="utf-8")
    data = json.loads(text)
    tables = [CrossCheck(index, data) for index in range(len(data["sources"]))]
    return sorted(tables, key=lambda table: table.name != "openai-cost-calculator")
