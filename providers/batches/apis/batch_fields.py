"""Readers of fields that answers about batches share; what is odd in them is made harmless.

Ids are the exception: they are used as they came, so one that could lead elsewhere is refused.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from msgspec import MsgspecError
from msgspec.json import Decoder

from providers.error_body import put_on_one_line
from providers.errors import MalformedResponse
from providers.reply import require_object
from providers.secrets import quote_value, redact_secrets

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/=+~-]{0,199}")
_MAX_COUNT, _MAX_PROBLEM, _MAX_TIME, _MAX_CURSOR = 10**9, 400, 10**11, 1000
_decode = Decoder().decode


def read_json_answer(body: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Read an answer about a batch.

    Raises:
        MalformedResponse: it is no JSON.
    """
    try:
        return _decode(body)
    except (MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedResponse(f"the answer is no JSON: {quote_value(str(error))}") from error


def read_id(fields: dict[str, Any], name: str) -> str:
    """Read an id that something is asked for by.

    Raises:
        MalformedResponse: there is none, or it is none that can stand in an address.
    """
    value = fields.get(name)
    if not isinstance(value, str) or not _ID.fullmatch(value) or ".." in value:
        raise MalformedResponse(f"{name} is {quote_value(value)}, which is no id")
    if redact_secrets(value) != value:  # an id is stored as it came
        raise MalformedResponse(f"{name} has a secret in it")
    return value


def read_optional_id(fields: dict[str, Any], name: str) -> str:
    """Read an id; empty where there is none.

    Raises:
        MalformedResponse: it is none that can stand in an address.
    """
    return read_id(fields, name) if fields.get(name) else ""


def quote_id(value: str) -> str:
    """Return an id as a part of an address; its slashes divide the parts of it, as at Google."""
    return quote(value, safe="/:")


def read_cursor(value: object) -> str:
    """Read what leads to the next page of a list; empty where there is none."""
    return value if isinstance(value, str) and len(value) <= _MAX_CURSOR else ""


def quote_cursor(value: str) -> str:
    """Return what leads to the next page as a part of an address."""
    return quote(value, safe="")


def read_number(fields: object, name: str) -> int | None:
    """Read a number of lines, also one that is written as a text; None where there is none."""
    value = fields.get(name) if isinstance(fields, dict) else None
    if isinstance(value, str) and value.isdecimal():
        value = int(value[:12])
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MAX_COUNT else None


def read_time(value: object) -> datetime | None:
    """Read a moment, in seconds or as ISO 8601 writes it; None where it is neither."""
    try:
        if isinstance(value, int | float | Decimal) and 0 < value < _MAX_TIME:
            return datetime.fromtimestamp(float(value), UTC)
        if isinstance(value, str):
            moment = datetime.fromisoformat(value[:40])
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def read_word(value: object) -> str:
    """Read a word that is shown and compared, such as a status."""
    return put_on_one_line(value, 40) if isinstance(value, str) else ""


def describe_errors(error: object) -> str:
    """Return in plain words what an error, or a list of them, says; empty where it says nothing."""
    if isinstance(error, dict) and isinstance(error.get("data"), list):
        error = error["data"]
    if isinstance(error, list):
        told = [describe_errors(each) for each in error[:3]]
        more = f" and {len(error) - 3:,} more" if len(error) > 3 else ""  # noqa: PLR2004 - shown
        return "; ".join(filter(None, told)) + more
    if not isinstance(error, dict):
        return put_on_one_line(error, _MAX_PROBLEM) if isinstance(error, str) else ""
    words = [error.get(name) for name in ("code", "type", "message")]
    said = ": ".join(dict.fromkeys(str(word) for word in words if word))
    line = read_number(error, "line")
    return put_on_one_line(said + (f" (line {line:,})" if line is not None else ""), _MAX_PROBLEM)


def list_objects(data: object) -> list[dict[str, Any]]:
    """Return a list of objects.

    Raises:
        MalformedResponse: it is none.
    """
    if not isinstance(data, list):
        raise MalformedResponse("the answer has no list of batches")
    return [require_object(each) for each in data]
