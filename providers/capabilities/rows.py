"""Rows of `capabilities.yaml`, and the record that a model's rows make together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from pricing.catalog import canonical_id
from providers.capabilities.capability import Capability, FieldRule
from providers.provider import Provider

_FILE = Path(__file__).with_name("capabilities.yaml")
_SURE = ("high", "medium", "low")
_RANGE = re.compile(r"(-?[\d.]+)\.\.(-?[\d.]+)")
_MERGED = ("fields", "while_reasoning")
_OWN_PLACES = {  # by kind; any other is `own`
    "anthropic": "own-anthropic",
    "google": "own-google",
    "responses": "own-responses",
}
_ABOUT = ("models", "at", "sources", "sure", "checked")


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of the file."""

    pattern: re.Pattern[str]
    at: frozenset[str]
    values: Mapping[str, Any]
    sources: tuple[str, ...]
    sure: str
    checked: date | None


def find_capability(provider: Provider, model_id: str) -> Capability:
    """Return what a model takes at a provider, with what the user says of the provider."""
    changes = parse_record(provider.capabilities) if provider.capabilities else {}
    place = provider.name if provider.name in _known_places() else _own_place(provider)
    rows = _find_rows(place, canonical_id(model_id))
    record = _merge_rows(changes, rows)
    if "limit_field" in changes or provider.max_tokens_field == "max_tokens":
        return record
    return replace(record, limit_field=provider.max_tokens_field)


def parse_record(given: Mapping[str, Any]) -> dict[str, Any]:
    """Parse the fields of a record as a row writes them.

    Raises:
        ValueError: a name or a value that a record does not have.
    """
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in Capability.__slots__:
            raise ValueError(f"{name!r} is not a field of a capability record")
        values[name] = _parse_value(name, value)
    return values


def parse_rule(text: str) -> FieldRule:
    """Parse the rule of a field: `taken`, `0..2`, `as stop_sequences; at most 4`.

    Raises:
        ValueError: it is no rule.
    """
    rule: dict[str, Any] = {}
    for part in str(text).split(";"):
        word = part.strip()
        if word in ("taken", "refused", "own", "ignored"):
            rule["taken"] = word
        elif found := _RANGE.fullmatch(word):
            rule["low"], rule["high"] = map(float, found.groups())
        elif word.startswith("as "):
            rule["name"] = word.removeprefix("as ").strip()
        elif word.startswith("at most "):
            rule["most"] = int(word.removeprefix("at most "))
        else:
            raise ValueError(f"{text!r} is not a rule of a field")
    return FieldRule(**rule)


@cache
def load_ways() -> dict[str, dict[str, Any]]:
    """Return how reasoning is asked for: way -> level, budget, off -> fields of a request."""
    ways: dict[str, dict[str, Any]] = _load_file()["ways"]
    return ways


def _parse_value(name: str, value: Any) -> Any:  # noqa: ANN401 - YAML's
    if name in _MERGED:
        return {field: parse_rule(text) for field, text in value.items()}
    if name in ("levels", "notes", "budget"):
        return tuple(value) if not isinstance(value, str) else (value,)
    if name == "exclusive":
        return tuple(map(tuple, value))
    return value


def _own_place(provider: Provider) -> str:
    return _OWN_PLACES.get(provider.kind, "own")


def _find_rows(place: str, model: str) -> list[_Row]:
    """Return the first row that matches in each group, the most specific group first."""
    groups: tuple[list[_Row], ...] = ([], [], [], [])
    own, general, others, rest = groups
    for row in _load_rows():
        if not row.pattern.fullmatch(model):
            continue
        everything = row.pattern.pattern == ".*"
        if place in row.at:
            (others if everything else own).append(row)
        elif "*" in row.at:
            (rest if everything else general).append(row)
    return [group[0] for group in groups if group]


def _merge_rows(changes: Mapping[str, Any], rows: list[_Row]) -> Capability:
    values: dict[str, Any] = {}
    for given in (changes, *(row.values for row in rows)):
        for name, value in given.items():
            if name in _MERGED:
                values[name] = {**value, **values.get(name, {})}
            else:
                values.setdefault(name, value)
    days = [row.checked for row in rows if row.checked]
    values["sources"] = tuple(dict.fromkeys(each for row in rows for each in row.sources))
    values["sure"] = max((row.sure for row in rows), key=_SURE.index, default="low")
    values["checked"] = min(days, default=None)
    return Capability(**values)


@cache
def _known_places() -> frozenset[str]:
    return frozenset().union(*(row.at for row in _load_rows()))


@cache
def _load_rows() -> tuple[_Row, ...]:
    return tuple(_parse_row(row) for row in _load_file()["rows"])


def _parse_row(row: dict[str, Any]) -> _Row:
    at = row["at"]
    return _Row(
        pattern=re.compile(row["models"]),
        at=frozenset([at] if isinstance(at, str) else at),
        values=parse_record({name: row[name] for name in row if name not in _ABOUT}),
        sources=tuple(row["sources"]),
        sure=row["sure"],
        checked=row["checked"],
    )


@cache
def _load_file() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return document
