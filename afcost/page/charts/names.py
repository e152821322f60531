"""Names at the left of charts: they come from an experiment, and so may be long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from afcost.page.charts.dots import Row

_LETTER, _ROOM = 7, 20  # pixels of an average letter, and beside a name with its indent
_LEAST, _MOST = 56, 190  # pixels


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


def fit_names(rows: Sequence[Row], pixels: int) -> list[Row]:
    """Return rows whose names fit beside a chart with so many pixels for them."""
    most = (pixels - _ROOM) // _LETTER
    return [each if each.is_heading else replace(each, name=shorten(each.name, most))
            for each in rows]  # fmt: skip
