"""Schemas made plain: references resolved, and those that must all hold made one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

Schema = dict[str, Any]
_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains")
_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains")
_INSIDE = ("properties", "patternProperties", "$defs", "definitions", "dependentRequired")
_NUMBERS = ("number", "integer")
_MOST_REFERENCES = 32  # that lead to each other


class NoInstance(Exception):
    """No value was found for a schema: there is none, or it needs what is not known here."""


def make_plain(schema: object, root: Mapping[str, Any]) -> Schema:
    """Return a schema without `$ref` and `allOf` at its top.

    Args:
        schema: an object, or true or false.
        root: that references lead into.

    Raises:
        NoInstance: it is false, or a reference leads to nothing.
    """
    plain = _require_schema(schema)
    for _ in range(_MOST_REFERENCES):
        if "$ref" in plain:
            rest = {name: value for name, value in plain.items() if name != "$ref"}
            plain = merge(_require_schema(_follow(plain["$ref"], root)), rest)
        elif "allOf" in plain:
            listed = plain["allOf"]
            plain = {name: value for name, value in plain.items() if name != "allOf"}
            for each in listed if isinstance(listed, list) else ():
                plain = merge(plain, make_plain(each, root))
        else:
            return plain
    raise NoInstance("references that lead to each other")


def merge(one: Schema, other: Schema) -> Schema:
    """Return a schema of which each instance is one of both, as far as their keywords tell."""
    merged = dict(one)
    for name, value in other.items():
        merged[name] = _merge_keyword(name, merged[name], value) if name in merged else value
    return merged


def _merge_keyword(name: str, one: Any, other: Any) -> Any:  # noqa: ANN401, PLR0911 - of a schema
    if name in _LEAST:
        return max(one, other)
    if name in _MOST:
        return min(one, other)
    if name == "required":
        return list(dict.fromkeys([*one, *other]))
    if name == "enum":
        return [each for each in one if each in other]
    if name == "type":
        return _merge_types(one, other)
    if name == "allOf":
        return [*one, *other]
    if name in _INSIDE and isinstance(one, dict) and isinstance(other, dict):
        both = {key: {"allOf": [one[key], other[key]]} for key in one.keys() & other.keys()}
        return one | other | (both if name != "dependentRequired" else {})
    if name in ("anyOf", "oneOf"):
        return one  # both cannot be said in one keyword; the first is followed
    return other


def _merge_types(one: Any, other: Any) -> Any:  # noqa: ANN401 - a name or a list of them
    mine, theirs = (each if isinstance(each, list) else [each] for each in (one, other))
    both = [each for each in mine if each in theirs]
    if "integer" in {*mine, *theirs} and set(_NUMBERS) <= {*mine, *theirs} and not both:
        return "integer"
    return both or one


def _require_schema(schema: object) -> Schema:
    if schema is True:
        return {}
    if not isinstance(schema, dict):
        raise NoInstance("a schema that allows nothing, or is none")
    return schema


def _follow(reference: object, root: Mapping[str, Any]) -> object:
    """Return what a reference within the same document leads to."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        raise NoInstance("a reference to another document")
    at: Any = root
    for word in unquote(reference[1:]).split("/")[1:]:
        key = word.replace("~1", "/").replace("~0", "~")
        if isinstance(at, list) and key.isdecimal() and int(key) < len(at):
            at = at[int(key)]
        elif isinstance(at, Mapping) and key in at:
            at = at[key]
        else:
            raise NoInstance("a reference that leads to nothing")
    return at
