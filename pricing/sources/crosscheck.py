"""Prices from other published tables: `crosscheck.json`, made by `scripts/crosscheck.py`.

Where a better source prices a model, these tables check it, and a reservation uses the highest
price of all. Where none does, they are the only source.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from pricing.rates import PriceOptions, Rate, RateCard, Tariff
from pricing.sources.table import PriceTable

_RATE_KEYS = {
    "in": "input",
    "out": "output",
    "read": "cache_read",
    "write": "cache_write",
    "hour": "cache_write_1h",
}


class CrossCheckTable(PriceTable):
    """One of the published tables; its rows are stored in a compact form.

    Args:
        source_index: which of the file's sources.
        data: the file's content.
    """

    def __init__(self, source_index: int, data: dict[str, Any]) -> None:
        about = data["sources"][source_index]
        super().__init__(about["package"], date.fromisoformat(about["read"]), data["rows"])
        self._index = source_index
        self._source = f"{about['package']} {about['version']}"

    def find_tariff(
        self, provider: str, model_id: str, options: PriceOptions = ()
    ) -> Tariff | None:
        """Return a model's prices with exactly these options, or None where unknown."""
        facts = self._find_row(provider, model_id)
        for field, value in options:
            tiered = facts.get(value) if field == "service_tier" else None
            facts = tiered if isinstance(tiered, dict) else {}
        if not facts.keys() >= {"in", "out"}:
            return None
        rates = {
            name: self._parse_rate(facts, key) for key, name in _RATE_KEYS.items() if key in facts
        }
        about = {"checked": self.checked, "source": self._source}
        return Tariff.flat_rate(RateCard(provider, model_id, **rates, **about))  # type: ignore[arg-type]

    def model_ids(self, provider: str) -> list[str]:
        """Return the ids of all of a provider's models."""
        return [name for name in self.rows.get(provider, ()) if self._find_row(provider, name)]

    def _find_row(self, provider: str, model_id: str) -> dict[str, Any]:
        # One row for each source that has the model.
        rows: Any = self.rows.get(provider, {}).get(model_id, ())
        return next((facts for facts in rows if facts["s"] == self._index), {})

    def _parse_rate(self, facts: dict[str, Any], key: str) -> Rate:
        tiers = ((over, prices) for over, prices in facts.get("tiers", ()) if key in prices)
        return Rate(Decimal(facts[key]), tuple((over, Decimal(p[key])) for over, p in tiers))


@cache
def load_crosschecks() -> list[CrossCheckTable]:
    """Load the tables of the file; a provider's own list comes before a collection."""
    text = (Path(__file__).parent / "crosscheck.json").read_text(encoding="utf-8")
    data = json.loads(text)
    tables = [CrossCheckTable(index, data) for index in range(len(data["sources"]))]
    return sorted(tables, key=lambda table: table.name != "openai-cost-calculator")
