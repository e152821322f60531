"""Retirements: when a provider stops serving a model, and which successor it recommends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pricing.data_files import read_data_file
from pricing.sources import strip_date


@dataclass(frozen=True, slots=True)
class Retirement:
    """The end of a model at a provider.

    Attributes:
        retires_on: the first day on which it is not served.
        successor: the provider's id of the model that it recommends instead; None where unknown.
        source: where this is published.
    """

    retires_on: date
    successor: str | None
    source: str


def find_retirement(provider: str, model_id: str, today: date) -> Retirement | None:
    """Return a model's retirement as known on a day; a dated snapshot retires with its model.

    Of the rows that were checked by that day, the newest applies.
    """
    for name in (model_id, strip_date(model_id)):
        rows = [
            row
            for row in _load_retirements()
            if (row["provider"], row["model"]) == (provider, name) and row["checked"] <= today
        ]
        if rows:
            row = max(rows, key=lambda row: row["checked"])
            return Retirement(row["ends"], row.get("successor"), row["source"])
    return None


@cache
def _load_retirements() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = read_data_file(Path(__file__).with_name("retirements.yaml"))
    return rows
