"""Strings: of a format, of a pattern, or words within a schema's lengths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runner.rehearsal.instances.merging import NoInstance
from runner.rehearsal.instances.patterns import match_pattern

# One of each format; `{:02}` is a number from 1 on, so that several differ.
_FORMATS = {
    "date": "2026-01-{:02}",
    "date-time": "2026-01-{:02}T09:00:00Z",
    "time": "09:00:{:02}Z",
    "duration": "P{}D",
    "email": "person{}@example.org",
    "idn-email": "person{}@example.org",
    "hostname": "host{}.example.org",
    "idn-hostname": "host{}.example.org",
    "ipv4": "192.0.2.{}",
    "ipv6": "2001:db8::{}",
    "uri": "https://example.org/{}",
    "uri-reference": "https://example.org/{}",
    "iri": "https://example.org/{}",
    "iri-reference": "https://example.org/{}",
    "uuid": "00000000-0000-4000-8000-0000000000{:02}",
    "json-pointer": "/value{}",
    "relative-json-pointer": "{}",
    "regex": "[a-z]{{{}}}",
    "byte": "cGxhY2Vob2xkZXI=",
    "int32": "{}",
    "int64": "{}",
}
_MOST_CHARACTERS = 1_000_000
_DAYS = 28  # what every month has


def write_string(schema: Mapping[str, Any], nth: int, say: Callable[[int], str]) -> str:
    """Return the nth string of a schema.

    Args:
        schema: of a string.
        nth: from 0.
        say: returns the words of the nth string.

    Raises:
        NoInstance: there is none, or its pattern is not understood.
    """
    least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
    if least > _MOST_CHARACTERS:
        raise NoInstance("a string is to be too long")
    if isinstance(pattern := schema.get("pattern"), str):
        found = match_pattern(pattern, least)
    elif isinstance(form := _FORMATS.get(str(schema.get("format"))), str):
        found = form.format(nth % _DAYS + 1)
    else:
        found = _fit(say(nth), least, most, nth)
    if len(found) < least or (most is not None and len(found) > int(most)):
        raise NoInstance("no string of this length was found")
    return found


def _fit(text: str, least: int, most: int | None, nth: int) -> str:
    """Return a text that is lengthened or cut to what is allowed, still the nth."""
    if len(text) < least:
        text = (f"{text} " * (least // (len(text) + 1) + 1))[:least]
    if most is None or len(text) <= int(most):
        return text
    number = str(nth) if nth else ""
    cut = text[: max(int(most) - len(number), 0)]
    return (cut.rstrip() if len(cut.rstrip()) + len(number) >= least else cut) + number
