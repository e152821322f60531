"""Table: prices that were read at one time, as plain JSON.

A row is `{"offers": [{"asked": {…}, "tariff": […]}], "window": …, "retires": …, "min_cached": …}`;
only `offers` must be there. Rows are decoded when they are asked for.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from pricing.rates.service_tiers import Asked
from pricing.rates.tariff import Tariff
from pricing.sources.dated_ids import models_of

Rows = dict[str, dict[str, dict[str, Any]]]  # provider -> model id -> row


class Table:
    """A source that holds rows.

    Args:
        name: of the source.
        checked: the day on which it was read.
        rows: provider -> model id -> row.
    """

    def __init__(self, name: str, checked: date, rows: Rows) -> None:
        self.name = name
        self.checked = checked
        self.rows = rows

    def tariff(self, provider: str, model_id: str, asked: Asked = ()) -> Tariff | None:
        """Give the prices of a model as asked for."""
        for offer in self._row(provider, model_id).get("offers", ()):
            if offer["asked"] == dict(asked):
                tariff = Tariff.from_json(offer["tariff"])
                return tariff.each(lambda card: replace(card, model=model_id))
        return None

    def window(self, provider: str, model_id: str) -> int | None:
        """Give the context window in tokens."""
        return self._row(provider, model_id).get("window")

    def retires(self, provider: str, model_id: str) -> date | None:
        """Give the day from which the provider no longer serves a model."""
        day = self._row(provider, model_id).get("retires")
        return day and date.fromisoformat(day)

    def min_cached(self, provider: str, model_id: str) -> int | None:
        """Give the shortest prefix in tokens that the provider caches."""
        return self._row(provider, model_id).get("min_cached")

    def ids(self, provider: str) -> list[str]:
        """Give the ids of all of a provider's models."""
        return list(self.rows.get(provider, ()))

    def _row(self, provider: str, model_id: str) -> dict[str, Any]:
        rows = self.rows.get(provider, {})
        listed = (name for name in (model_id, *models_of(model_id)) if name in rows)
        return next((rows[name] for name in listed), {})


def row(tariff: Tariff, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Give a row with one standard offer."""
    known = {name: value for name, value in more.items() if value is not None}
    return {"offers": [{"asked": {}, "tariff": tariff.to_json()}], **known}
