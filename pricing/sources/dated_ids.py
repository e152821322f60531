"""Snapshots: a dated id (`gpt-4o-2024-08-06`) that is not listed costs what its model does."""

from __future__ import annotations

import re

_DATED = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$")


def stem(model_id: str) -> str | None:
    """Give a dated snapshot's id without its day; None for any other id."""
    found = _DATED.search(model_id)
    return model_id[: found.start()] if found else None


def models_of(model_id: str) -> list[str]:
    """Give the ids that a dated snapshot's model may be listed under; none for any other id."""
    model = stem(model_id)
    return [] if model is None else [model, f"{model}-latest", f"{model}-0"]
