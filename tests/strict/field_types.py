"""Field types: how the rules describe the values of a field.

    number 0..2            integer 1..128000          number >0..1
    boolean                string                     object          list          any
    one of low medium      strings ..4                text or strings ..4
    refused: why

An end of a range may be left out; `>` leaves its low end itself out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_RANGE = re.compile(r"(>?)(-?[\d.]*?)\.\.(-?[\d.]*)")
_PLAIN = {"boolean": bool, "string": str, "object": dict, "list": list}


@dataclass(frozen=True)
class Range:
    """The ends of a range; None where it is open."""

    low: float | None = None
    high: float | None = None
    above: bool = False

    def holds(self, value: float) -> bool:
        """Return whether a number is in the range."""
        too_low = self.low is not None and (value <= self.low if self.above else value < self.low)
        return not too_low and (self.high is None or value <= self.high)


def parse_range(text: str) -> Range:
    """Parse `0..2`, `1..` or `>0..1`.

    Raises:
        ValueError: it is no range.
    """
    found = _RANGE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a range")
    above, low, high = found.groups()
    return Range(float(low) if low else None, float(high) if high else None, bool(above))


def find_misfit(kind: str, value: object) -> str:
    """Return why a value does not fit a field type; empty where it does.

    Raises:
        ValueError: it is no field type.
    """
    word, _, rest = kind.partition(" ")
    if kind.startswith("refused"):
        return f"not supported; {rest}" if rest else "not supported"
    if kind.startswith("one of "):
        words = kind.removeprefix("one of ").split()
        return "" if value in words else f"must be one of {', '.join(words)}"
    if kind.startswith("text or strings"):
        return "" if isinstance(value, str) else _misfit_strings(rest[len("or strings") :], value)
    if word == "strings":
        return _misfit_strings(rest, value)
    if word in ("number", "integer"):
        return _misfit_number(word, rest, value)
    return _misfit_plain(kind, value)


def _misfit_plain(kind: str, value: object) -> str:
    if kind == "any":
        return ""
    if kind not in _PLAIN:
        raise ValueError(f"{kind!r} is not a field type")
    return "" if isinstance(value, _PLAIN[kind]) else f"must be {kind}"


def _misfit_number(word: str, ends: str, value: object) -> str:
    fits: Callable[[object], bool] = (
        (lambda each: isinstance(each, int))
        if word == "integer"
        else (lambda each: isinstance(each, int | float))
    )
    if isinstance(value, bool) or not fits(value):
        return f"must be a valid {word}"
    held = parse_range(ends).holds(float(str(value))) if ends.strip() else True
    return "" if held else f"must be in {ends.strip()}"


def _misfit_strings(ends: str, value: object) -> str:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return "must be a list of strings"
    if ends.strip() and not parse_range(ends).holds(len(value)):
        return f"must have {ends.strip()} items"
    return ""
