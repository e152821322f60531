"""Validate the fields of a price list from an external source; nothing is trusted unchecked."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

_MIN_PRICE, _MAX_PRICE = Decimal("1e-18"), Decimal("1e9")


class MalformedPriceList(ValueError):
    """A price list does not match its provider's documentation; the text says where."""


def require_text(model: Any, field: str) -> str:  # noqa: ANN401 - whatever was sent
    """Return a required text field.

    Raises:
        Misread: it is not there, or no usable name.
    """
    value = model.get(field) if isinstance(model, dict) else None
    if not isinstance(value, str) or not value or len(value) > 300 or not value.isprintable():  # noqa: PLR2004
        raise MalformedPriceList(f"a model's {field} is {str(value)[:60]!r}")
    return value


def read_number(
    fields: dict[str, Any], model_name: str, field: str, *, allow_negative: bool = False
) -> Decimal | None:
    """Return a number, or None where the field is absent.

    Args:
        fields: of the model.
        model_name: the model's, for the error.
        field: which.
        allow_negative: whether it may be below 0.

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
    if found is None or not found.is_finite() or (found < 0 and not allow_negative):
        raise MalformedPriceList(f"{model_name}: {field} is {str(value)[:60]!r}")
    if found and not _MIN_PRICE <= abs(found) <= _MAX_PRICE:
        raise MalformedPriceList(
            f"{model_name}: {field} is {str(value)[:60]!r}, not a plausible price"
        )
    return found


def read_token_count(fields: dict[str, Any], field: str) -> int | None:
    """Return a token count, or None where there is no usable one."""
    value = fields.get(field)
    usable = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return value if usable else None
