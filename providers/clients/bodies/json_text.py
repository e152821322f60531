"""JSON of clients' bodies: read with exact numbers, and written again in the shortest form."""

from __future__ import annotations

from decimal import Decimal, DecimalException
from typing import Any

from msgspec.json import Decoder, Encoder

from providers.errors import CannotPrice

_decode = Decoder(float_hook=Decimal).decode
_encode = Encoder(decimal_format="number").encode
_UNREADABLE = (ValueError, RecursionError, DecimalException)


def parse_body(body: bytes) -> dict[str, Any]:
    """Parse a body, which must be a JSON object in UTF-8.

    Raises:
        CannotPrice: it is not, has a half of a surrogate pair, or is nested too deeply.
    """
    try:
        data = _decode(body)
    except _UNREADABLE as error:
        raise CannotPrice("the body is not JSON in UTF-8; send a JSON object") from error
    if not isinstance(data, dict):
        raise CannotPrice("the body is not a JSON object; send one")
    return data


def parse_quietly(text: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Parse JSON that a provider sent; None where it is none."""
    try:
        return _decode(text)
    except _UNREADABLE:
        return None


def write_json(value: object) -> str:
    """Return a parsed value as compact JSON."""
    return _encode(value).decode()
