"""Choose which rows are asked, and what each query keeps of its row."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from experiment.definition.queries.query_fields import QueryFile, write_cell
from experiment.definition.queries.text_rows import MAX_SHOWN, Row, choose_column, show_columns
from experiment.errors import BadQueries

_MAX_MEMORY = 192 << 20  # bytes of all queries with their columns together
_MAX_SHOWN_VALUES = 10
_MAX_SEEN_VALUES = 1000  # of a column, to name some where a filter finds none


class Query(NamedTuple):
    """A query's text, and column -> value of the other columns that have a value in its row."""

    text: str
    columns: dict[str, Any]


def choose_rows(path: object, rows: Iterable[Row], fields: QueryFile) -> Iterator[Query]:
    """Yield the queries of the rows that are asked, at most `limit` of them, in their order.

    Args:
        path: of the file, for errors.
        rows: of the file.
        fields: which of them are asked, and which columns are kept.

    Raises:
        BadQueries: a row has no text, a column is named that there is not, no row is left, or
            they need too much memory.
    """
    seen = _SeenValues(path, fields)
    total, count = 0, 0
    for row in rows:
        values = {} if isinstance(row.values, str) else row.values
        seen.add(values)
        if not _is_chosen(values, fields):
            continue
        query = _read_query(path, row, fields)
        total += _measure(query.text) + _measure(query.columns)
        if total > _MAX_MEMORY:
            raise BadQueries(
                f"{path}: its queries need more than {_MAX_MEMORY >> 20} MiB; use fewer with "
                "`queries: {limit: N}` or --limit N, or keep fewer of their columns with "
                "`queries: {columns: [NAME, …]}`"
            )
        yield query
        count += 1
        if count == fields.limit:
            break
    seen.require_columns()
    if not count:
        seen.explain_none()


def _read_query(path: object, row: Row, fields: QueryFile) -> Query:
    if isinstance(row.values, str):
        return Query(_require_text(path, row.line, "the query", row.values), {})
    name = choose_column(path, fields.column, list(row.values))
    text = _require_text(path, row.line, name, row.values.get(name))
    kept = fields.columns
    others = {
        column: value
        for column, value in row.values.items()
        if column and column != name and (kept is None or column in kept)
        if not _is_missing(value)
    }
    return Query(text, others)


def _is_chosen(values: Mapping[str, Any], fields: QueryFile) -> bool:
    filters = (fields.where or {}).items()
    return all(name_cell(values.get(column)) in wanted for column, wanted in filters)


def name_cell(value: object) -> str | None:
    """Return a cell as a filter compares it; None where it is missing or empty."""
    return None if _is_missing(value) or value == "" else write_cell(value)


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _require_text(path: object, line: int, column: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        shown = repr(value) if value is None or isinstance(value, str | int | float) else "no text"
        raise BadQueries(f"{path}, line {line}: {column} is {shown[:MAX_SHOWN]}, expected text")
    return value


def _measure(value: object) -> int:
    """Return how many bytes of memory a value needs, with all that is in it."""
    size, waiting = 0, [value]
    while waiting:
        each = waiting.pop()
        size += sys.getsizeof(each)
        if isinstance(each, dict):
            waiting += each.values()  # the names are shared by all rows, or are short
        elif isinstance(each, list | tuple):
            waiting += each
    return size


class _SeenValues:
    """The columns that the rows had so far, and some values of those that are filtered by."""

    def __init__(self, path: object, fields: QueryFile) -> None:
        self._path, self._where = path, fields.where or {}
        self._named = dict.fromkeys([*self._where, *(fields.columns or ())])
        self._columns: dict[str, None] = {}
        self._values: dict[str, dict[str | None, None]] = {column: {} for column in self._where}

    def add(self, values: Mapping[str, Any]) -> None:
        """Remember a row's columns."""
        if self._named:
            self._columns.update(dict.fromkeys(values))
        for column, known in self._values.items():
            if len(known) < _MAX_SEEN_VALUES:
                known[name_cell(values.get(column))] = None

    def require_columns(self) -> None:
        """Refuse a column that is named and that no row has."""
        for column in self._named:
            if self._columns and column not in self._columns:
                shown = show_columns(list(self._columns))
                raise BadQueries(f"{self._path} has no column {column!r}; columns: {shown}")
            if not self._columns:
                raise BadQueries(
                    f"{self._path} has no columns, so {column!r} cannot be chosen; `where` and "
                    "`columns` need a .csv file, or a .jsonl of objects"
                )

    def explain_none(self) -> None:
        """Refuse a filter that leaves no row, with the values that there are."""
        for column, known in self._values.items():
            if known.keys().isdisjoint(self._where[column]):
                shown = ", ".join(map(_show_value, [*known][:_MAX_SHOWN_VALUES]))
                wanted = " or ".join(map(_show_value, self._where[column][:_MAX_SHOWN_VALUES]))
                more = ", …" * (len(known) > _MAX_SHOWN_VALUES)
                raise BadQueries(
                    f"{self._path}: no query has {column} {wanted}; values there: {shown}{more}"
                )
        if self._where:
            columns = " and ".join(self._where)
            raise BadQueries(f"{self._path}: no query has these values of {columns} together")


def _show_value(value: str | None) -> str:
    return "null (an empty cell)" if value is None else value[:MAX_SHOWN]
