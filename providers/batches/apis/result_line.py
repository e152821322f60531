"""A line of results, as if it had been the response to a call."""

from __future__ import annotations

import json
from dataclasses import dataclass
from inspect import isclass
from types import NoneType
from typing import Any, Generic, TypeVar, get_args

from msgspec import MsgspecError, Raw, Struct, structs
from msgspec.json import Decoder

from providers.batches.batch_line import LineEnd
from providers.errors import MalformedResponse
from providers.reply import read_display_name
from providers.secrets import quote_value

OK, SERVER_ERROR = 200, 500  # of HTTP
_STATUSES = range(100, 600)
_NULL = b"null"
T = TypeVar("T", bound=Struct)


@dataclass(frozen=True, slots=True)
class ResultLine:
    """A line of results.

    Attributes:
        custom_id: of the line that was sent; empty where it has none.
        status: of HTTP, as a call would have had it.
        body: as a call's would have been, in JSON.
        end: how it ended without having been done; None where it was done, or failed.
    """

    custom_id: str
    status: int = SERVER_ERROR
    body: bytes = b""
    end: LineEnd | None = None


class LineReader(Generic[T]):
    """Reads lines of one form; what is in them stays as it came, in its own bytes."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._decoder = Decoder(kind)

    def read(self, line: bytes) -> T:
        """Read a line, by the slower library where the faster one refuses it.

        Raises:
            MalformedResponse: it is no JSON, or not of this form.
        """
        try:
            return self._decoder.decode(line)
        except (MsgspecError, UnicodeDecodeError, RecursionError):
            pass
        try:
            data = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise MalformedResponse(f"it cannot be read: {quote_value(str(error))}") from error
        if not isinstance(data, dict):
            raise MalformedResponse("it is no JSON object")
        return _build(self._kind, data)


def _build(kind: type[T], data: dict[str, Any]) -> T:
    """Return an object of a form, from what the slower library read; types are not looked at."""
    given: dict[str, Any] = {}
    for each in structs.fields(kind):
        value = data.get(each.name)
        inner = [part for part in get_args(each.type) if part is not NoneType and isclass(part)]
        if each.type is Raw:
            given[each.name] = Raw(json.dumps(value).encode()) if each.name in data else Raw(b"")
        elif inner and issubclass(inner[0], Struct):
            if isinstance(value, dict):
                given[each.name] = _build(inner[0], value)
        elif isinstance(value, str | int):
            given[each.name] = value
    return kind(**given)


def is_given(value: Raw) -> bool:
    """Return whether a field is there, and is not null."""
    return bytes(value) not in (b"", _NULL)


def read_status(value: int | None) -> int:
    """Return a status of HTTP; whatever is none, such as the 0 that has been seen, is a failure."""
    return value if isinstance(value, int) and value in _STATUSES else SERVER_ERROR


def read_custom_id(value: object) -> str:
    """Return a custom id; one that is too long to be ours is cut."""
    return read_display_name(value, 100)


def read_error(value: Raw) -> dict[str, Any]:
    """Return an error as an object; a text is its message.

    Raises:
        MalformedResponse: it is nested too deeply, or has a number of thousands of digits.
    """
    try:
        error = json.loads(bytes(value))
    except (ValueError, RecursionError) as why:
        raise MalformedResponse(f"its error cannot be read: {quote_value(str(why))}") from why
    return error if isinstance(error, dict) else {"message": str(error)}


def write_error(error: dict[str, Any]) -> bytes:
    """Return an error as the body of a response that has failed."""
    return json.dumps({"error": error}).encode()
