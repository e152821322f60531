"""Numbers within a schema's bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from runner.rehearsal.instances.merging import NoInstance


def write_number(schema: Mapping[str, Any], nth: int, *, whole: bool) -> int | float:
    """Return the nth number, from the lowest on, or one near 1 where there is no bound.

    Raises:
        NoInstance: there is none.
    """
    step = _find_step(schema, whole=whole)
    low, is_low_open = _find_bound(schema, "minimum", "exclusiveMinimum", max)
    high, is_high_open = _find_bound(schema, "maximum", "exclusiveMaximum", min)
    if low is None:
        low = min(Fraction(1), high - step) if high is not None else Fraction(1)
        is_low_open = False
    first = math.ceil(low / step)
    if is_low_open and first * step == low:
        first += 1
    found = (first + nth) * step
    while (
        high is not None and found - step >= first * step and _is_above(found, high, is_high_open)
    ):
        found -= step
    if high is not None and _is_above(found, high, is_high_open):
        if whole or "multipleOf" in schema:
            raise NoInstance("no number within these bounds")
        found = (low + high) / 2
    return int(found) if found.denominator == 1 else float(found)


def _find_step(schema: Mapping[str, Any], *, whole: bool) -> Fraction:
    """Return the distance of numbers that are allowed; 1 where all are."""
    given = schema.get("multipleOf")
    if not isinstance(given, int | float | Decimal) or isinstance(given, bool) or given <= 0:
        return Fraction(1)
    step = Fraction(str(given))
    return Fraction(step.numerator) if whole else step


def _find_bound(
    schema: Mapping[str, Any],
    name: str,
    exclusive: str,
    tighter: Any,  # noqa: ANN401 - max or min
) -> tuple[Fraction | None, bool]:
    """Return a bound, and whether it is not a value itself; the older form says that with true."""
    plain, other = schema.get(name), schema.get(exclusive)
    if other is True and plain is not None:
        return Fraction(str(plain)), True
    bounds = [
        (Fraction(str(each)), is_open)
        for each, is_open in ((plain, False), (other, True))
        if each is not None and not isinstance(each, bool)
    ]
    if not bounds:
        return None, False
    value = tighter(bound for bound, _ in bounds)
    return value, (value, True) in bounds


def _is_above(value: Fraction, high: Fraction, is_open: bool) -> bool:  # noqa: FBT001 - of a bound
    return value > high or (is_open and value == high)
