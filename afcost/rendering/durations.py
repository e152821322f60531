"""Durations and moments, as a person reads them: two figures of a duration are enough."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a page that shows a time need not load what forecasts one
    from estimator.wall_time import SecondsRange

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_TEN = 10  # from which on there is no decimal


def format_duration(seconds: float) -> str:
    """Return a time with two figures: 42 s, 1.9 min, 12 min, 3.4 h, 2.1 days."""
    if seconds < 1.5 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 1.5 * _HOUR:
        size, unit = _MINUTE, "min"
    else:
        size, unit = (_HOUR, "h") if seconds < 2 * _DAY else (_DAY, "days")
    number = seconds / size
    return f"{number:.1f} {unit}" if round(number, 1) < _TEN else f"{number:,.0f} {unit}"


def format_shortly(seconds: float) -> str:
    """Return a time for a narrow column: 42s, 1.9m, 3.4h, 2.1d."""
    number, _, unit = format_duration(seconds).partition(" ")
    return f"{number}{unit[0]}"


def format_range(time: SecondsRange) -> str:
    """Return the ends of a range of time; its unit once where both have the same."""
    low, high = format_duration(time.low), format_duration(time.high)
    number, _, unit = low.partition(" ")
    return f"{number} – {high}" if high.endswith(f" {unit}") else f"{low} – {high}"


def format_moment(at: str) -> str:
    """Return a moment, of ISO 8601, to the minute in the reader's own time."""
    try:
        return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return at
