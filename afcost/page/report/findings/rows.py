"""Rows of a chart: room for their names, and how the levels of a factor look."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from afcost.page.charts.chart import FIRST, INK, MUTED, SECOND
from afcost.page.charts.dots import Margins, Row
from afcost.rendering.console import show

_LETTER = 7.6  # pixels, at most in the mean of a name
_INDENT = 24  # before a name below a heading, and behind it
_LOOKS = ((FIRST, False), (SECOND, True), (INK, False), (MUTED, True))


def choose_look(number: int) -> tuple[str, bool]:
    """Return the color of a factor's level, and whether its point is a ring."""
    return _LOOKS[min(number, len(_LOOKS) - 1)]


def fit_names(rows: Sequence[Row], width: int, right: int, most: int) -> tuple[list[Row], Margins]:
    """Return rows whose names fit, and the margins that they need.

    Args:
        rows: of a chart.
        width: of the chart, in pixels.
        right: the room for texts at the right.
        most: the room that names may have.
    """
    shown = [replace(each, name=show(each.name)) for each in rows]
    names = [each.name for each in shown if not each.is_heading]
    left = min(max([math.ceil(_measure(name) + _INDENT) for name in names] or [0]), most)
    fitted = [
        replace(each, name=_shorten(each.name, width if each.is_heading else left - _INDENT))
        for each in shown
    ]
    return fitted, Margins(max(left, 40), right)


def _measure(name: str) -> float:
    return sum(_LETTER * (1 + (unicodedata.east_asian_width(each) in "WF")) for each in name)


def _shorten(name: str, room: float) -> str:
    """Return a name that fits, without its middle where it is longer; tips and tables have all."""
    if _measure(name) <= room:
        return name
    kept = max(int(room / _measure(name) * len(name)) - 1, 2)
    return f"{name[: (kept + 1) // 2]}…{name[len(name) - kept // 2 :]}"
