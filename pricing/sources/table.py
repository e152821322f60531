"""Price table: prices read at one time, as plain JSON.

A row is `{"offers": [{"asked": {…}, "tariff": […]}], "window": …, "retires": …, "min_cached": …}`;
only `offers` is required. Rows are decoded when they are looked up.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from pricing.rates import PriceOptions, Tariff
from pricing.sources.dated_ids import base_model_ids

PriceRows = dict[str, dict[str, dict[str, Any]]]  # provider -> model id -> row


class PriceTable:
    """A price source backed by rows.

    Args:
        name: the source's.
        checked: the day on which it was read.
        rows: provider -> model id -> row.
    """

    def __init__(self, name: str, checked: date, rows: PriceRows) -> None:
        self.name = name
        self.checked = checked
        self.rows = rows

    def find_tariff(
        self, provider: str, model_id: str, options: PriceOptions = ()
    ) -> Tariff | None:
        """Return a model's prices with these options."""
        for offer in self._find_row(provider, model_id).get("offers", ()):
            if offer["asked"] == dict(options):
                tariff = Tariff.from_json(offer["tariff"])
                return tariff.map_cards(lambda card: replace(card, model=model_id))
        return None

    def context_window(self, provider: str, model_id: str) -> int | None:
        """Return the context window in tokens."""
        return self._find_row(provider, model_id).get("window")

    def retirement_date(self, provider: str, model_id: str) -> date | None:
        """Return the first day on which the provider no longer serves a model."""
        day = self._find_row(provider, model_id).get("retires")
        return day and date.fromisoformat(day)

    def min_cached_tokens(self, provider: str, model_id: str) -> int | None:
        """Return the length in tokens of the shortest prefix that the provider caches."""
        return self._find_row(provider, model_id).get("min_cached")

    def model_ids(self, provider: str) -> list[str]:
        """Return the ids of all of a provider's models."""
        return list(self.rows.get(provider, ()))

    def _find_row(self, provider: str, model_id: str) -> dict[str, Any]:
        rows = self.rows.get(provider, {})
        listed = (name for name in (model_id, *base_model_ids(model_id)) if name in rows)
        return next((rows[name] for name in listed), {})


def make_row(tariff: Tariff, **more: object) -> dict[str, Any]:
    """Return a row with one standard offer."""
    known = {name: value for name, value in more.items() if value is not None}
    return {"offers": [{"asked": {}, "tariff": tariff.to_json()}], **known}
