"""Read queries from csv, jsonl or txt files, each text unchanged."""

from __future__ import annotations

import csv
import json
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiment.errors import BadQueries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from experiment.definition.schema import QueryFile


def read_queries(folder: Path, query_file: QueryFile) -> tuple[str, ...]:
    """Read the queries, at most `limit` of them, in the file's order.

    Raises:
        BadQueries: the file is missing, empty, of an unknown format, or without the column.
    """
    path = folder / query_file.file
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl, ".txt": _read_txt}
    if path.suffix not in readers:
        raise BadQueries(f"{path}: queries must be a .csv, .jsonl or .txt file")
    try:
        queries = tuple(islice(readers[path.suffix](path, query_file.column), query_file.limit))
    except OSError as error:
        raise BadQueries(f"cannot read queries file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadQueries(f"queries file {path} is not UTF-8 text: {error}") from error
    if not queries:
        raise BadQueries(f"queries file {path} contains no queries")
    return queries


def _read_csv(path: Path, column: str | None) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        try:
            name = _choose_column(path, column, list(rows.fieldnames or []))
            for row in rows:
                if None in row:
                    raise BadQueries(
                        f"{path}, line {rows.line_num}: more cells than columns; "
                        "put text with a comma in double quotes"
                    )
                yield _require_text(path, rows.line_num, name, row.get(name))
        except csv.Error as error:
            line = rows.reader.line_num
            raise BadQueries(f"{path}, line {line}: not valid CSV: {error}") from error


def _read_jsonl(path: Path, column: str | None) -> Iterator[str]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row: Any = json.loads(line)
            except json.JSONDecodeError as error:
                raise BadQueries(f"{path}, line {number}: not valid JSON: {error}") from error
            if isinstance(row, str):
                yield _require_text(path, number, "the query", row)
            elif isinstance(row, dict):
                name = _choose_column(path, column, list(row))
                yield _require_text(path, number, name, row.get(name))
            else:
                raise BadQueries(f"{path}, line {number}: expected a string or an object")


def _read_txt(path: Path, _: str | None) -> Iterator[str]:
    with path.open(encoding="utf-8-sig") as file:
        for line in file:
            if line.strip():
                yield line.rstrip("\n")


def _choose_column(path: Path, wanted: str | None, present: list[str]) -> str:
    if wanted is None and len(present) == 1:
        return present[0]
    if wanted in present:
        return str(wanted)
    columns = ", ".join(present) or "none"
    if wanted is None:
        raise BadQueries(f"{path} has columns {columns}; choose one with `queries: {{column: …}}`")
    raise BadQueries(f"{path} has no column {wanted!r}; columns: {columns}")


def _require_text(path: Path, line: int, column: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise BadQueries(f"{path}, line {line}: {column} is {value!r}, expected text")
    return value
