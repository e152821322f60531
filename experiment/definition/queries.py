"""Read queries from csv, jsonl or txt files, each text unchanged."""

from __future__ import annotations

import csv
import json
import sys
from io import TextIOWrapper
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiment.errors import BadQueries, RefusedFile
from experiment.file_access import MAX_QUERY_BYTES, Trust, locate_path, open_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from experiment.definition.schema import QueryFile

_MAX_LINE = 8 << 20  # characters of a line, and of a row that a quotation spreads over several
_MAX_MEMORY = 192 << 20  # bytes of all queries together
_MAX_SHOWN = 60  # characters of a value in an error message
_MAX_SHOWN_COLUMNS = 20
_SAVE_AS = "save it as UTF-8 with commas between columns (in Excel: CSV UTF-8)"


class _Lines:
    """The lines of a text file, none longer than `_MAX_LINE`, nor those of one row together."""

    def __init__(self, path: Path, file: TextIOWrapper) -> None:
        self._path, self._file = path, file
        self._row = 0

    def __iter__(self) -> Iterator[str]:
        number = 0
        while line := self._file.readline(_MAX_LINE + 1):
            number += 1
            self._row += len(line)
            if self._row > _MAX_LINE:
                raise BadQueries(
                    f"{self._path}, line {number}: a query may have at most {_MAX_LINE:,} "
                    "characters"
                )
            yield line

    def start_row(self) -> None:
        """Begin another row."""
        self._row = 0


def read_queries(folder: Path, query_file: QueryFile, trust: Trust = Trust()) -> tuple[str, ...]:
    """Read the queries, at most `limit` of them, in the file's order.

    Args:
        folder: the experiment's own.
        query_file: the file's fields.
        trust: from where else it may come.

    Raises:
        BadQueries: the file is missing, empty, of an unknown format, or without the column; or it
            may not be read, or is too large.
    """
    path = folder / query_file.file
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl, ".txt": _read_txt}
    if path.suffix not in readers:
        raise BadQueries(f"{path}: queries must be a .csv, .jsonl or .txt file")
    try:
        real = locate_path(folder, query_file.file, trust)
        with TextIOWrapper(
            open_file(real, MAX_QUERY_BYTES),
            encoding="utf-8-sig",
            newline="" if path.suffix == ".csv" else None,
        ) as file:
            found = readers[path.suffix](path, _Lines(path, file), query_file.column)
            queries = tuple(_limit_memory(path, islice(found, query_file.limit)))
    except OSError as error:
        raise BadQueries(f"cannot read queries file {path}: {error.strerror}") from error
    except RefusedFile as error:
        raise BadQueries(f"queries: file: {error}") from error
    except UnicodeDecodeError as error:
        hint = f"; {_SAVE_AS}" if path.suffix == ".csv" else "; save it as UTF-8"
        raise BadQueries(f"queries file {path} is not UTF-8 text: {error}{hint}") from error
    if not queries:
        raise BadQueries(f"queries file {path} contains no queries")
    return queries


def _limit_memory(path: Path, queries: Iterable[str]) -> Iterator[str]:
    total = 0
    for query in queries:
        total += sys.getsizeof(query)
        if total > _MAX_MEMORY:
            raise BadQueries(
                f"{path}: its queries need more than {_MAX_MEMORY >> 20} MiB; use fewer with "
                "`queries: {limit: N}` or --limit N"
            )
        yield query


def _read_csv(path: Path, lines: _Lines, column: str | None) -> Iterator[str]:
    given = iter(lines)
    header = next(given, "")
    _refuse_other_separator(path, header, column)
    rows = csv.DictReader(chain([header], given), strict=True)
    try:
        name = _choose_column(path, column, list(rows.fieldnames or []))
        lines.start_row()
        for row in rows:
            lines.start_row()
            if None in row:
                raise BadQueries(
                    f"{path}, line {rows.line_num}: more cells than columns; "
                    "put text with a comma in double quotes"
                )
            yield _require_text(path, rows.line_num, name, row.get(name))
    except csv.Error as error:
        line = rows.reader.line_num
        raise BadQueries(f"{path}, line {line}: not valid CSV: {error}") from error


def _refuse_other_separator(path: Path, header: str, column: str | None) -> None:
    """Refuse a file that is not separated by commas, which would be read as a single column.

    Raises:
        BadQueries: its header has semicolons or tabs and no comma, and is no column's name.
    """
    name = header.rstrip("\r\n")
    if "\0" in name:
        raise BadQueries(f"{path} looks like UTF-16; {_SAVE_AS}")
    if name.startswith("sep="):  # as Excel writes and reads
        raise BadQueries(f"{path} begins with {name[:_MAX_SHOWN]!r}; {_SAVE_AS}")
    found = next((each for each in (";", "\t") if each in name), None)
    is_quoted = name.startswith('"') and name.find('"', 1) == len(name) - 1
    if found and "," not in name and not is_quoted and name != column:
        raise BadQueries(
            f"{path} seems to have {found!r} between its columns: its first line is "
            f"{name[:_MAX_SHOWN]!r}; {_SAVE_AS}. If that line is the name of one column, put it in "
            "double quotes"
        )


def _read_jsonl(path: Path, lines: _Lines, column: str | None) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        lines.start_row()
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except (ValueError, RecursionError) as error:  # also a number too long to be read
            raise BadQueries(f"{path}, line {number}: not valid JSON: {error}") from error
        if isinstance(row, str):
            yield _require_text(path, number, "the query", row)
        elif isinstance(row, dict):
            name = _choose_column(path, column, list(row))
            yield _require_text(path, number, name, row.get(name))
        else:
            raise BadQueries(f"{path}, line {number}: expected a string or an object")


def _read_txt(_path: Path, lines: _Lines, _: str | None) -> Iterator[str]:
    for line in lines:
        lines.start_row()
        if line.strip():
            yield line.rstrip("\n")


def _choose_column(path: Path, wanted: str | None, present: list[str]) -> str:
    if wanted is None and len(present) == 1:
        return present[0]
    if wanted in present:
        return str(wanted)
    columns = ", ".join(name[:_MAX_SHOWN] for name in present[:_MAX_SHOWN_COLUMNS]) or "none"
    columns += ", …" * (len(present) > _MAX_SHOWN_COLUMNS)
    if wanted is None:
        raise BadQueries(f"{path} has columns {columns}; choose one with `queries: {{column: …}}`")
    raise BadQueries(f"{path} has no column {wanted!r}; columns: {columns}")


def _require_text(path: Path, line: int, column: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        shown = repr(value) if value is None or isinstance(value, str | int | float) else "no text"
        raise BadQueries(f"{path}, line {line}: {column} is {shown[:_MAX_SHOWN]}, expected text")
    return value
