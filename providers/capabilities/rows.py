"""Rows of `capabilities.yaml`: what the file says, and a row with the templates that it is like."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pricing.data_files import read_data_file
from providers.capabilities import record_fields

_FILE = Path(__file__).with_name("capabilities.yaml")
_ABOUT = ("models", "at", "like", "sources", "sure", "checked")
MERGED = ("fields", "while_reasoning")

Row = Mapping[str, Any]


def parse_record(given: Mapping[str, Any]) -> dict[str, Any]:
    """Parse the fields of a record as a row or an experiment file writes them.

    Raises:
        ValueError: a name or a value that a record does not have; names the ones that it may have.
    """
    return record_fields.parse_record(given, load_ways())


@cache
def load_ways() -> dict[str, dict[str, Any]]:
    """Return how reasoning is asked for: way -> level, budget, off, on -> fields of a request."""
    ways: dict[str, dict[str, Any]] = _load_file()["ways"]
    return ways


@cache
def load_rows() -> tuple[Row, ...]:
    """Return the rows of the file: `at` as a set, `number` for `parse_row`."""
    rows = _load_file()["rows"]
    return tuple({**row, "at": _list_places(row["at"]), "number": n} for n, row in enumerate(rows))


@cache
def parse_row(number: int) -> dict[str, Any]:
    """Return the fields of a record that a row gives, with those of its templates.

    Raises:
        ValueError: the row has a name or a value that a record does not have.
    """
    row = _expand_templates(_load_file()["rows"][number])
    return parse_record({name: row[name] for name in row if name not in _ABOUT})


def _list_places(at: str | list[str]) -> frozenset[str]:
    return frozenset([at] if isinstance(at, str) else at)


def _expand_templates(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with the values of its templates; its own come first."""
    likes = row.get("like", [])
    expanded = {name: value for name, value in row.items() if name != "like"}
    for like in [likes] if isinstance(likes, str) else likes:
        for name, value in _expand_templates(_load_file()["shared"][like]).items():
            if name in MERGED:
                expanded[name] = {**value, **expanded.get(name, {})}
            elif name == "notes":
                expanded[name] = [*expanded.get(name, []), *value]
            else:
                expanded.setdefault(name, value)
    return expanded


@cache
def _load_file() -> dict[str, Any]:
    document: dict[str, Any] = read_data_file(_FILE)
    return document
