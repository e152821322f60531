"""Validate the fields of a fetched price list; nothing is trusted unchecked."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

_MIN_PRICE, _MAX_PRICE = Decimal("1e-18"), Decimal("1e9")
_MAX_TEXT_CHARS = 300


class MalformedPriceList(ValueError):
    """A price list does not match its provider's documentation; the text says where."""


def require_text(model: object, field: str) -> str:
    """Return a required text field.

    Raises:
        MalformedPriceList: the field is missing, or not usable as a name.
    """
    value = model.get(field) if isinstance(model, dict) else None
    if isinstance(value, str) and 0 < len(value) <= _MAX_TEXT_CHARS and value.isprintable():
        return value
    raise MalformedPriceList(f"a model's {field} is {str(value)[:60]!r}")


def read_number(
    fields: dict[str, Any], model_name: str, field: str, *, allow_negative: bool = False
) -> Decimal | None:
    """Return a number, or None where the field is absent.

    Args:
        fields: the model's.
        model_name: for the error.
        field: the name of the field.
        allow_negative: whether it may be below 0.

    Raises:
        MalformedPriceList: not a number, or not a plausible price.
    """
    value = fields.get(field)
    if value is None or value == "":
        return None
    try:
        number = None if isinstance(value, bool) else Decimal(str(value))
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite() or (number < 0 and not allow_negative):
        raise MalformedPriceList(f"{model_name}: {field} is {str(value)[:60]!r}")
    if number and not _MIN_PRICE <= abs(number) <= _MAX_PRICE:
        raise MalformedPriceList(
            f"{model_name}: {field} is {str(value)[:60]!r}, not a plausible price"
        )
    return number


def read_token_count(fields: dict[str, Any], field: str) -> int | None:
    """Return a token count, or None where there is no usable one."""
    value = fields.get(field)
    usable = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return value if usable else None
