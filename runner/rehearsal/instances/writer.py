"""Writing a value for a schema: what a model would fill in, with words where it may say anything.

Of the keywords of JSON Schema these are followed: `type`, `enum`, `const`, `$ref` within the
schema, `allOf`, `anyOf`, `oneOf`, and all of objects, arrays, strings and numbers but
`propertyNames`, `dependentSchemas` and `unevaluated...`. `not` and `if` are not. Google's
and Anthropic's spelling is understood as well (`spellings`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from runner.rehearsal.instances.merging import NoInstance, Schema, make_plain, merge
from runner.rehearsal.instances.numbers import write_number
from runner.rehearsal.instances.patterns import is_match, match_pattern
from runner.rehearsal.instances.spellings import read_spelling
from runner.rehearsal.instances.strings import write_string

_FULL_DEPTH, _MOST_DEPTH = 5, 40  # from where on only what must be there is; where it ends
_MOST_ITEMS, _MOST_VALUES = 1000, 20_000
_TYPES_BY_KEYWORD = {
    "properties": "object",
    "required": "object",
    "minProperties": "object",
    "additionalProperties": "object",
    "items": "array",
    "prefixItems": "array",
    "minItems": "array",
    "contains": "array",
    "minimum": "number",
    "maximum": "number",
    "exclusiveMinimum": "number",
    "exclusiveMaximum": "number",
    "multipleOf": "number",
}
# What keywords raise whose values are of a kind that they cannot have.
_ODD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def write_instance(schema: object, say: Callable[[int], str]) -> Any:  # noqa: ANN401 - of JSON
    """Return a value that a schema allows.

    Args:
        schema: as a call has it.
        say: returns the words of a text; its number tells texts apart that must differ.

    Raises:
        NoInstance: the schema allows nothing, or says it in a way that is not understood.
    """
    root = schema if isinstance(schema, Mapping) else {}
    try:
        return _Writer(root, say).write(schema, 0, 0)
    except _ODD as error:
        raise NoInstance("a keyword has a value that it cannot have") from error


@dataclass(frozen=True, slots=True)
class _Writer:
    root: Mapping[str, Any]
    say: Callable[[int], str]
    numbers: Iterator[int] = field(default_factory=count)

    def write(self, schema: object, depth: int, nth: int) -> Any:  # noqa: ANN401 - of JSON
        """Return the nth value of a schema that is so deep inside of the first one."""
        if depth > _MOST_DEPTH:
            raise NoInstance("the schema has no value of a finite depth")
        if next(self.numbers) > _MOST_VALUES:
            raise NoInstance("the schema asks for too many values")
        plain = read_spelling(make_plain(schema, self.root))
        if "const" in plain:
            return plain["const"]
        if isinstance(plain.get("enum"), list):
            return self._choose(plain, nth)
        for name in ("anyOf", "oneOf"):
            if isinstance(plain.get(name), list):
                return self._write_one_of(plain, name, depth, nth)
        return self._write_type(plain, depth, nth)

    def _choose(self, schema: Schema, nth: int) -> Any:  # noqa: ANN401 - of JSON
        given = [each for each in schema["enum"] if _is_of_type(each, schema.get("type"))]
        values = [each for each in given if each is not None] or given
        if not values:
            raise NoInstance("an enum without values")
        return values[nth % len(values)]

    def _write_one_of(self, schema: Schema, name: str, depth: int, nth: int) -> Any:  # noqa: ANN401
        rest = {key: value for key, value in schema.items() if key != name}
        is_deep = depth > _FULL_DEPTH
        options = sorted(schema[name], key=lambda each: _rank(each, is_deep=is_deep))
        for option in options:
            try:
                return self.write(merge(make_plain(option, self.root), rest), depth + is_deep, nth)
            except NoInstance:
                continue
        raise NoInstance(f"no value for any of {name}")

    def _write_type(self, schema: Schema, depth: int, nth: int) -> Any:  # noqa: ANN401 - of JSON
        match _choose_type(schema, is_deep=depth > _FULL_DEPTH):
            case "object":
                return self._write_object(schema, depth, nth)
            case "array":
                return self._write_array(schema, depth)
            case "number" | "integer" as kind:
                return write_number(schema, nth, whole=kind == "integer")
            case "boolean":
                return nth % 2 == 0
            case "null":
                return None
            case "string":
                return write_string(schema, nth, self.say)
            case kind:
                raise NoInstance(f"the type {kind!r} is none")

    def _write_object(self, schema: Schema, depth: int, nth: int) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), list(schema.get("required", ()))
        wanted = [name for name in properties if name in required or depth <= _FULL_DEPTH]
        most = schema.get("maxProperties")
        wanted = required if most is not None and len(wanted) > most else wanted
        written: dict[str, Any] = {}
        for name in dict.fromkeys([*wanted, *required]):
            inner = properties.get(name, _find_other(schema, name))
            try:
                written[name] = self.write(inner, depth + 1, nth)
            except NoInstance:
                if name in required:
                    raise
        return written | dict(self._add_properties(schema, written, depth))

    def _add_properties(
        self, schema: Schema, written: Mapping[str, Any], depth: int
    ) -> Iterator[tuple[str, Any]]:
        """Yield what an object needs beside the properties that have names."""
        open_names = (f"value{number}" for number in range(1, _MOST_ITEMS))
        names = [*map(match_pattern, schema.get("patternProperties", {})), *open_names]
        left = schema.get("minProperties", 0) - len(written)
        for name in [each for each in names if each not in written][: max(left, 0)]:
            yield name, self.write(_find_other(schema, name), depth + 1, 0)

    def _write_array(self, schema: Schema, depth: int) -> list[Any]:
        prefix, items = schema.get("prefixItems"), schema.get("items", True)
        if isinstance(items, list):  # of older drafts
            prefix, items = items, schema.get("additionalItems", True)
        first = [*prefix] if isinstance(prefix, list) else []
        if "contains" in schema:
            times = schema.get("minContains", 1)
            held = (
                {"allOf": [items, schema["contains"]]} if items is not True else schema["contains"]
            )
            first += [held] * (times - len(first) if first else times)
        least, most = schema.get("minItems", 0), schema.get("maxItems", _MOST_ITEMS)
        usual = 1 if depth <= _FULL_DEPTH and items is not False else 0
        length = min(max(len(first), least, usual), most, _MOST_ITEMS)
        wanted = [*first, *[items] * (length - len(first))][:length]
        try:
            return [self.write(each, depth + 1, nth) for nth, each in enumerate(wanted)]
        except NoInstance:
            if least or "contains" in schema:
                raise
            return []


def _find_other(schema: Schema, name: str) -> object:
    """Return the schema of a property that is not listed."""
    for pattern, inner in schema.get("patternProperties", {}).items():
        if is_match(pattern, name):
            return inner
    other = schema.get("additionalProperties", True)
    return True if other is False and name in schema.get("required", ()) else other


def _rank(option: object, *, is_deep: bool) -> bool:
    """Return whether an option comes last: null where there is more to say, the rest where not."""
    is_null = isinstance(option, dict) and str(option.get("type", "")).lower() == "null"
    leads_on = isinstance(option, dict) and any(
        name in option for name in ("$ref", "properties", "items", "allOf", "anyOf")
    )
    return leads_on if is_deep else is_null


def _choose_type(schema: Schema, *, is_deep: bool) -> str:
    given = schema.get("type")
    if isinstance(given, list):
        if is_deep and "null" in given:
            return "null"
        return next((each for each in given if each != "null"), "null")
    if given is not None:
        return str(given)
    return next((kind for key, kind in _TYPES_BY_KEYWORD.items() if key in schema), "string")


def _is_of_type(value: object, given: object) -> bool:
    kinds = given if isinstance(given, list) else [given]
    if given is None:
        return True
    types = {"string": str, "object": dict, "array": list, "boolean": bool}
    return any(
        (kind == "null" and value is None)
        or (kind in types and isinstance(value, types[kind]))
        or (
            kind in ("number", "integer")
            and value is not None
            and not isinstance(value, str | bool | dict | list)
        )
        for kind in kinds
    )
