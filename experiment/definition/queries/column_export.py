"""Export the other columns of queries beside requests and answers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

_OWN = {"query_text", "query_columns"}  # what exports have of their own


class QueryColumns:
    """The other columns of the queries, as exports write them.

    Args:
        rows: of each query column -> value; empty where no query has any.

    Attributes:
        names: of the columns of a csv that they make, such as `query_source`.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]] = ()) -> None:
        self._rows = rows
        found = dict.fromkeys(name for row in rows for name in row)
        self._names = _name_columns(found)
        self.names = tuple(self._names.values())

    def cells(self, query: int) -> dict[str, object]:
        """Return a query's columns as cells of a csv, which each query has; lists as JSON."""
        row = self._rows[query] if self._rows else {}
        return {export: _write(row.get(name)) for name, export in self._names.items()}

    def fields(self, query: int) -> dict[str, Any]:
        """Return a query's columns as a field of a JSON object; none where no query has any."""
        return {"query_columns": dict(self._rows[query])} if self._rows else {}


def _name_columns(found: Collection[str]) -> dict[str, str]:
    """Return what each column is called: `query_NAME`, or longer where that is taken."""
    names: dict[str, str] = {}
    plain = sorted(found, key=lambda name: f"query_{name}" in _OWN)  # those that keep their names
    for name in plain:
        wanted = f"query_{name}"
        while wanted in _OWN or wanted in names.values():
            wanted = wanted.replace("query_", "query_column_", 1)
        names[name] = wanted
    return {name: names[name] for name in found}


NO_COLUMNS = QueryColumns()


def _write(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
