"""Reading a price list that somebody else sent: nothing in it is believed unseen."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

_SMALLEST, _LARGEST = Decimal("1e-18"), Decimal("1e9")


class Misread(ValueError):
    """A price list is not what its provider documents; the text says where."""


def text(model: Any, field: str) -> str:  # noqa: ANN401 - whatever was sent
    """Give a text field that must be there.

    Raises:
        Misread: it is not there, or no usable name.
    """
    value = model.get(field) if isinstance(model, dict) else None
    if not isinstance(value, str) or not value or len(value) > 300 or not value.isprintable():  # noqa: PLR2004
        raise Misread(f"a model's {field} is {str(value)[:60]!r}")
    return value


def number(
    fields: dict[str, Any], name: str, field: str, *, negative: bool = False
) -> Decimal | None:
    """Give a number, or None where there is none.

    Args:
        fields: of the model.
        name: the model's, for the error.
        field: which.
        negative: whether it may be below 0.

    Raises:
        Misread: it is not a number of a size that a price can have.
    """
    value = fields.get(field)
    if value is None or value == "":
        return None
    try:
        found = None if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite() or (found < 0 and not negative):
        raise Misread(f"{name}: {field} is {str(value)[:60]!r}")
    if found and not _SMALLEST <= abs(found) <= _LARGEST:
        raise Misread(f"{name}: {field} is {str(value)[:60]!r}, not a plausible price")
    return found


def tokens(fields: dict[str, Any], field: str) -> int | None:
    """Give a number of tokens, or None where there is no usable one."""
    value = fields.get(field)
    usable = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return value if usable else None
