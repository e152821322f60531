"""Citations: how a sentence about a record names its sources, and shows fields of a request."""

from __future__ import annotations

import json
from typing import Any

from providers.capabilities.capability import Capability

_MOST_SOURCES = 2
_LONGEST_VALUE = 60


def cite(capability: Capability) -> str:
    """Return where a record is from and how sure it is, in brackets; empty without a source."""
    if not capability.sources:
        return ""
    named = "; ".join(capability.sources[:_MOST_SOURCES])
    return f" (source: {named}; certainty: {capability.sure})"


def show_fields(fields: dict[str, Any]) -> str:
    """Return fields of a request in one line, as an experiment file would write them."""
    return ", ".join(f"{name}: {show_value(value)}" for name, value in fields.items())


def show_value(value: object) -> str:
    """Return a value in one short line, as an experiment file would write it."""
    if isinstance(value, dict):
        return f"{{{show_fields(value)}}}"
    shown = value if isinstance(value, str) else json.dumps(value, default=str)
    return shown if len(shown) <= _LONGEST_VALUE else f"{shown[:_LONGEST_VALUE]}…"


def list_words(words: tuple[str, ...]) -> str:
    """Return words as a sentence lists them: `low, medium or high`."""
    return " or ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
