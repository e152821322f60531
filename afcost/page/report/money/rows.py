"""Rows of charts whose names come from an experiment, and so may be long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_LETTER, _ROOM = 7, 20  # pixels of an average letter, and beside a name
_LEAST, _MOST = 56, 190  # pixels


def name_model(row: Mapping[str, Any]) -> str:
    """Return the model of a stratum or a stage as all sections name it: with its provider."""
    return f"{row['provider']}/{row['model']}"


def shorten(name: str, most: int = 26) -> str:
    """Return a name with at most so many characters; of a longer one the middle is left out."""
    if len(name) <= most:
        return name
    half = (most - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def measure_names(names: Iterable[str], most: int = _MOST) -> int:
    """Return how many pixels names take at the left of a chart, within limits."""
    longest = max(map(len, names), default=0)
    return min(max(longest * _LETTER + _ROOM, _LEAST), most)
