"""Dated model ids: an unlisted snapshot (`gpt-4o-2024-08-06`) is priced as its base model."""

from __future__ import annotations

import re

_DATE_SUFFIX = re.compile(r"-(\d{8}|\d{4}-\d{2}-\d{2})$")


def strip_date(model_id: str) -> str | None:
    """Return a dated snapshot's id without its date; None for any other id."""
    found = _DATE_SUFFIX.search(model_id)
    return model_id[: found.start()] if found else None


def base_model_ids(model_id: str) -> list[str]:
    """Return the ids under which a snapshot's base model may be listed; empty for other ids."""
    model = strip_date(model_id)
    return [] if model is None else [model, f"{model}-latest", f"{model}-0"]
