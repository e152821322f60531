"""Rows of a chart: room for their names, and how the levels of a factor look."""

from __future__ import annotations

import math
import os
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import replace

from afcost.page.charts.chart import FIRST, INK, MUTED, NARROW, SECOND, WIDE, Chart
from afcost.page.charts.dots import Margins, Row, Scale, draw_dots
from afcost.rendering.console import show

_LETTER = 7.6  # pixels, at most in the mean of a name
_FIGURE = 7.1  # pixels, at most in the mean of a figure with its signs
_INDENT, _DISTANCE = 12, 10  # before a name below a heading, and beside any text
_RIM = 16  # between the axis, at whose end a point may lie, and texts
_LEAST = 40  # of the room at the left
_PARTS = re.compile(r".*[/_.:-]")  # of a name, up to the last one that is whole
_LOOKS = ((FIRST, False), (SECOND, True), (INK, False), (MUTED, True))


def choose_look(number: int) -> tuple[str, bool]:
    """Return the color of a factor's level, and whether its point is a ring."""
    return _LOOKS[min(number, len(_LOOKS) - 1)]


def draw_rows(
    name: str,
    rows: Sequence[Row],
    scale: Scale,
    room: tuple[int, int],
    *,
    narrow_rows: Sequence[Row] | None = None,
) -> Chart:
    """Return a chart of rows whose names and texts fit, on a desk and on a phone.

    Args:
        name: of its files.
        rows: from top to bottom.
        scale: that they share.
        room: that names may have on a desk and on a phone, in pixels.
        narrow_rows: what is drawn for a phone, where it differs.
    """
    wide, margins = fit_texts(rows, WIDE, room[0])
    short, narrow = fit_texts(narrow_rows or rows, NARROW, room[1])
    return draw_dots(name, wide, scale, margins=margins, narrow=narrow, narrow_rows=short)


def fit_texts(rows: Sequence[Row], width: int, most: int) -> tuple[list[Row], Margins]:
    """Return rows whose names fit, and the margins that names and texts need.

    Args:
        rows: of a chart.
        width: of the chart, in pixels.
        most: the room that names may have.
    """
    shown = [_make_safe(each) for each in rows]
    spared = _DISTANCE + (_INDENT if any(each.is_heading for each in shown) else 0)
    widest = max((_measure(each.name) for each in shown if not each.is_heading), default=0)
    left = max(min(math.ceil(widest) + spared, most), _LEAST)
    names = {each.name for each in shown if not each.is_heading}
    short = _shorten_all(names, left - spared)
    fitted = [
        replace(each, name=_shorten(each.name, width) if each.is_heading else short[each.name])
        for each in shown
    ]
    longest = max((len(each.text) for each in shown), default=0)
    return fitted, Margins(left, _RIM + math.ceil(_FIGURE * longest))


def _make_safe(row: Row) -> Row:
    """Return a row whose texts have no keys and no unseen characters; tips keep their lines."""
    tip = "\n".join(map(show, row.tip.split("\n")))
    return replace(row, name=show(row.name), text=show(row.text), tip=tip)


def _measure(name: str) -> float:
    return sum(_LETTER * (1 + (unicodedata.east_asian_width(each) in "WF")) for each in name)


def _shorten_all(names: Collection[str], room: float) -> dict[str, str]:
    """Return each name as it fits; long ones without what all of them begin with."""
    long = sorted(name for name in names if _measure(name) > room)
    alike = _PARTS.match(os.path.commonprefix(long))  # noqa: RUF071 - names, letter by letter
    begins = len(alike[0]) if alike and len(long) > 1 else 0
    shown = {name: f"…{name[begins:]}" if begins else name for name in long}
    return {name: _shorten(shown.get(name, name), room) for name in names}


def _shorten(name: str, room: float) -> str:
    """Return a name that fits, without its middle where it is longer; tips and tables have all."""
    if _measure(name) <= room:
        return name
    kept = max(int(room / _measure(name) * len(name)) - 1, 2)
    return f"{name[: (kept + 1) // 2]}…{name[len(name) - kept // 2 :]}"
