"""Spellings: schemas as some APIs have them, read as JSON Schema has it."""

from __future__ import annotations

import re
from typing import Any

from runner.rehearsal.instances.merging import Schema

_COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
_BOUNDS = (*_COUNTS, "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_SNAKE = {re.sub("([A-Z])", r"_\1", name).lower(): name for name in (*_BOUNDS, "anyOf")}
_DATES = ("date", "date-time", "time", "duration")
# Anthropic's client moves bounds that the API does not take to the end of a description, for the
# model to read: {minItems: 2, maxItems: 5}.
_TOLD = re.compile(r"\{([^{}]*)\}\s*$")
_PAIR = re.compile(r"(\w+): (-?\d+(?:\.\d+)?)(?=,|$)")


def read_spelling(schema: Schema) -> Schema:
    """Return a schema with what Google and Anthropic write in another way."""
    named = {_SNAKE.get(name, name): value for name, value in schema.items()}
    return _read_google(named | _read_description(schema.get("description")))


def _read_google(schema: Schema) -> Schema:
    """Return a schema with types in small letters, and numbers in place of texts."""
    kind = schema.get("type")
    if not isinstance(kind, str):
        return schema
    counts = {
        name: int(schema[name])
        for name in _COUNTS
        if isinstance(schema.get(name), str) and schema[name].isdecimal()
    }
    read = schema | counts | {"type": kind.lower()}
    if read["type"] == "type_unspecified":
        del read["type"]
    if kind.isupper() and schema.get("format") not in _DATES:
        read.pop("format", None)
    return read


def _read_description(description: Any) -> Schema:  # noqa: ANN401 - of JSON
    """Return the bounds at the end of a description."""
    if not isinstance(description, str) or not (told := _TOLD.search(description)):
        return {}
    pairs = [(name, number) for name, number in _PAIR.findall(told[1]) if name in _BOUNDS]
    return {name: float(number) if "." in number else int(number) for name, number in pairs}
