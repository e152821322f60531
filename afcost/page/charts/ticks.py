"""Round ticks of an axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

_STEPS = (1, 2, 5, 10)


def find_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers from `low` or below to `high` or above, at most `most + 2` of them.

    Their distance is 1, 2 or 5 times a power of ten.
    """
    width = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(width / most))
    step = next(each * power for each in _STEPS if width / (each * power) <= most)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def find_dollar_form(ticks: Sequence[float]) -> str:
    """Return how dollars at ticks are written, for d3-format: whole ones, cents, or more digits."""
    step = min((after - before for before, after in pairwise(ticks)), default=1.0)
    if step >= 1:
        return "$,d"
    return f"$.{max(2, math.ceil(-math.log10(step) - 1e-9))}f"
