"""The queries of an experiment: their texts, and the other columns of each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from experiment.definition.queries.data_files import DATA_SUFFIXES
from experiment.definition.queries.data_rows import read_json_rows, read_parquet_rows
from experiment.definition.queries.hub_data_set import (
    HubFile,
    describe_data_set,
    locate_data_files,
)
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

_BINARY_READERS = {".parquet": read_parquet_rows, ".json": read_json_rows}
_READERS = {".csv": read_csv_rows, ".jsonl": read_jsonl_rows, ".txt": read_txt_rows}


@dataclass(frozen=True, slots=True)
class QueryTable:
    """The queries that are asked.

    Attributes:
        texts: the text of each, in the file's order.
        columns: of each the other columns that have a value: name -> value; empty where no query
            has any.
        files: sha256 of each file of a data set that they are from, by its name in a plan; empty
            where they are from a file of the experiment's.
    """

    texts: tuple[str, ...]
    columns: tuple[dict[str, Any], ...] = ()
    files: dict[str, str] = field(default_factory=dict)


def read_query_table(folder: Path, fields: QueryFile, trust: Trust = Trust()) -> QueryTable:
    """Read the queries that are asked, at most `limit` of them, in the file's order.

    Args:
        folder: the experiment's own.
        fields: of the queries in the experiment file.
        trust: from where else they may come.

    Raises:
        BadQueries: the file is missing, empty, of an unknown format, or without a column that is
            named; it may not be read, or is too large; the filter leaves none; or a data set is
            not on this machine and may not be downloaded.
    """
    if fields.dataset is not None or fields.file is None:
        return _read_data_set(fields, trust)
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


def _read_data_set(fields: QueryFile, trust: Trust) -> QueryTable:
    """Read the queries of a data set on the hub."""
    what = describe_data_set(fields)
    try:
        files = locate_data_files(fields, trust)
        rows = (row for file in files for row in _read_data_file(file, fields.column))
        table = make_table(choose_rows(what, rows, fields))
        digests = {file.name: _digest(file.path) for file in files}
    except OSError as error:
        raise BadQueries(f"cannot read {what}: {error.strerror}") from error
    except RefusedFile as error:
        raise BadQueries(f"{what}: {error}") from error
    if not table.texts:
        raise BadQueries(f"{what} contains no queries")
    return replace(table, files=digests)


def _read_data_file(file: HubFile, column: str | None) -> Iterator[Row]:
    path = Path(file.name)  # its suffix chooses the format
    if path.suffix in _BINARY_READERS:
        with open_file(file.path, MAX_QUERY_BYTES) as content:
            yield from _BINARY_READERS[path.suffix](path, content, column)
    elif path.suffix in _READERS:
        with _open_rows(path, file.path, column) as rows:
            yield from rows
    else:
        raise BadQueries(f"{path} must be a {', '.join(DATA_SUFFIXES)} file")


def _digest(path: Path) -> str:
    with open_file(path, MAX_QUERY_BYTES) as file:
        return hashlib.sha256(file.read()).hexdigest()


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
