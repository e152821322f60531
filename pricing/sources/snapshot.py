"""Snapshots: a dated id (`gpt-4o-2024-08-06`) that is not listed costs what its model does."""

from __future__ import annotations

import re

_DATED = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$")


def models_of(model_id: str) -> list[str]:
    """Give the ids that a dated snapshot's model may be listed under; none for any other id."""
    found = _DATED.search(model_id)
    if found is None:
        return []
    stem = model_id[: found.start()]
    return [stem, f"{stem}-latest", f"{stem}-0"]
