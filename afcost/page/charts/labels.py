"""Which ticks of an axis are labelled: as many as have room beside each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

_LETTER, _BETWEEN = 7.5, 6.0  # pixels of a letter of a label, and between two labels


def choose_labels(
    ticks: Sequence[float],
    write: Callable[[float], str],
    place: Callable[[float], float],
    anchor: float | None = None,
) -> list[float]:
    """Return the ticks that are labelled: each, or each second one, and so on.

    Args:
        ticks: of the axis, from left to right.
        write: a tick's label.
        place: where a tick is on the axis, in pixels.
        anchor: one that is labelled whatever others are; by default the first.
    """
    if not ticks:
        return []
    start = ticks.index(anchor) if anchor in ticks else 0
    widest = max(len(write(each)) for each in ticks) * _LETTER + _BETWEEN
    apart = (place(after) - place(before) for before, after in pairwise(ticks))
    nearest = min(apart, default=widest)
    step = max(1, math.ceil(widest / nearest)) if nearest > 0 else len(ticks)
    return [each for at, each in enumerate(ticks) if (at - start) % step == 0]


def write_tick(tick: float, form: str) -> str:
    """Return about what d3-format writes for a tick."""
    sign, spec = ("$", form.removeprefix("$")) if form.startswith("$") else ("", form)
    if spec.endswith("d"):
        return f"{sign}{round(tick):{spec}}"
    return f"{sign}{tick:{spec}}" if spec[-1:] in "f%" else f"{sign}{tick:g}"
