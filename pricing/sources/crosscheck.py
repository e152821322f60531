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

from pricing.rates.rate_card import Rate, RateCard
from pricing.rates.service_tiers import Asked
from pricing.rates.tariff import Tariff
from pricing.sources.table import Table

_RATES = {
    "in": "input",
    "out": "output",
    "read": "cache_read",
    "write": "cache_write",
    "hour": "cache_write_1h",
}


class CrossCheck(Table):
    """One of the tables; its rows hold facts in a shorter form.

    Args:
        index: which of the file's sources.
        data: the file.
    """

    def __init__(self, index: int, data: dict[str, Any]) -> None:
        about = data["sources"][index]
        super().__init__(about["package"], date.fromisoformat(about["read"]), data["rows"])
        self._index = index
        self._source = f"{about['package']} {about['version']}"

    def tariff(self, provider: str, model_id: str, asked: Asked = ()) -> Tariff | None:
        """Give the price; None where there is none for what is asked."""
        facts = self._row(provider, model_id)
        for field, value in asked:
            tiered = facts.get(value) if field == "service_tier" else None
            facts = tiered if isinstance(tiered, dict) else {}
        if not facts.keys() >= {"in", "out"}:
            return None
        rates = {name: self._rate(facts, key) for key, name in _RATES.items() if key in facts}
        about = {"checked": self.checked, "source": self._source}
        return Tariff.flat(RateCard(provider, model_id, **rates, **about))  # type: ignore[arg-type]

    def ids(self, provider: str) -> list[str]:
        """Give the ids of all of a provider's models."""
        return [name for name in self.rows.get(provider, ()) if self._row(provider, name)]

    def _row(self, provider: str, model_id: str) -> dict[str, Any]:
        rows: Any = self.rows.get(provider, {}).get(
            model_id, ()
        )  # one for each source that knows it
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
