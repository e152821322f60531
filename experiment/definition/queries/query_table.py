"""The queries of an experiment: their texts, and the other columns of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from experiment.definition.queries.query_fields import QueryFile
from experiment.definition.queries.row_choice import Query, choose_rows
from experiment.definition.queries.text_rows import (
    SAVE_AS,
    Lines,
    Row,
    read_csv_rows,
    read_jsonl_rows,
    read_txt_rows,
)
from experiment.errors import BadQueries, RefusedFile
from experiment.file_access import MAX_QUERY_BYTES, Trust, locate_path, open_file

_READERS = {".csv": read_csv_rows, ".jsonl": read_jsonl_rows, ".txt": read_txt_rows}


@dataclass(frozen=True, slots=True)
class QueryTable:
    """The queries that are asked.

    Attributes:
        texts: the text of each, in the file's order.
        columns: of each the other columns that have a value: name -> value; empty where no query
            has any.
    """

    texts: tuple[str, ...]
    columns: tuple[dict[str, Any], ...] = ()


def read_query_table(folder: Path, fields: QueryFile, trust: Trust = Trust()) -> QueryTable:
    """Read the queries that are asked, at most `limit` of them, in the file's order.

    Args:
        folder: the experiment's own.
        fields: of the queries in the experiment file.
        trust: from where else they may come.

    Raises:
        BadQueries: the file is missing, empty, of an unknown format, or without a column that is
            named; it may not be read, or is too large; or the filter leaves none.
    """
    path = folder / fields.file
    if path.suffix not in _READERS:
        raise BadQueries(f"{path}: queries must be a .csv, .jsonl or .txt file")
    try:
        real = locate_path(folder, fields.file, trust)
        with _open_rows(path, real, fields.column) as rows:
            table = make_table(choose_rows(path, rows, fields))
    except OSError as error:
        raise BadQueries(f"cannot read queries file {path}: {error.strerror}") from error
    except RefusedFile as error:
        raise BadQueries(f"queries: file: {error}") from error
    if not table.texts:
        raise BadQueries(f"queries file {path} contains no queries")
    return table


def make_table(queries: Iterable[Query]) -> QueryTable:
    """Return queries as a table."""
    texts, columns = [], []
    for query in queries:
        texts.append(query.text)
        columns.append(query.columns)
    return QueryTable(tuple(texts), tuple(columns) if any(columns) else ())


@contextmanager
def _open_rows(path: Path, real: Path, column: str | None) -> Iterator[Iterator[Row]]:
    """Open a file of queries to read its rows.

    Args:
        path: as the user knows it; it chooses the format.
        real: where it is.
        column: that holds the queries.

    Raises:
        BadQueries: it is not UTF-8.
    """
    newline = "" if path.suffix == ".csv" else None
    try:
        with TextIOWrapper(
            open_file(real, MAX_QUERY_BYTES), encoding="utf-8-sig", newline=newline
        ) as file:
            yield _READERS[path.suffix](path, Lines(path, file), column)
    except UnicodeDecodeError as error:
        hint = f"; {SAVE_AS}" if path.suffix == ".csv" else "; save it as UTF-8"
        raise BadQueries(f"queries file {path} is not UTF-8 text: {error}{hint}") from error
