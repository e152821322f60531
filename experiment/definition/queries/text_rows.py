"""Read rows from csv, jsonl and txt files, each text unchanged."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import TextIOWrapper
from itertools import chain
from typing import Any, NamedTuple

from experiment.errors import BadQueries

MAX_LINE = 8 << 20  # characters of a line, and of a row that a quotation spreads over several
_MAX_SHOWN_COLUMNS = 20
MAX_SHOWN = 60  # characters of a value in an error message
SAVE_AS = "save it as UTF-8 with commas between columns (in Excel: CSV UTF-8)"


class Row(NamedTuple):
    """A row: its line in the file, and column -> value, or its text alone where it has none.

    An empty cell of a csv is an empty text; one that is missing, or null, has no value.
    """

    line: int
    values: dict[str, Any] | str


class Lines:
    """The lines of a text file, none longer than `MAX_LINE`, nor those of one row together."""

    def __init__(self, path: object, file: TextIOWrapper) -> None:
        self._path, self._file = path, file
        self._row = 0

    def __iter__(self) -> Iterator[str]:
        number = 0
        while line := self._file.readline(MAX_LINE + 1):
            number += 1
            self._row += len(line)
            if self._row > MAX_LINE:
                raise BadQueries(
                    f"{self._path}, line {number}: a query may have at most {MAX_LINE:,} characters"
                )
            yield line

    def start_row(self) -> None:
        """Begin another row."""
        self._row = 0


def read_csv_rows(path: object, lines: Lines, column: str | None) -> Iterator[Row]:
    """Yield the rows of a csv file.

    Args:
        path: of the file, for errors.
        lines: of the file.
        column: that holds the queries, as the experiment names it.

    Raises:
        BadQueries: it is no csv with commas, does not have the column, or a row has more cells
            than there are columns.
    """
    given = iter(lines)
    header = next(given, "")
    _refuse_other_separator(path, header, column)
    rows = csv.DictReader(chain([header], given), strict=True)
    try:
        choose_column(path, column, list(rows.fieldnames or []))
        lines.start_row()
        for row in rows:
            lines.start_row()
            if None in row:
                raise BadQueries(
                    f"{path}, line {rows.line_num}: more cells than columns; "
                    "put text with a comma in double quotes"
                )
            yield Row(rows.line_num, row)
    except csv.Error as error:
        line = rows.reader.line_num
        raise BadQueries(f"{path}, line {line}: not valid CSV: {error}") from error


def read_jsonl_rows(path: object, lines: Lines, _: str | None) -> Iterator[Row]:
    """Yield the rows of a jsonl file: objects, or texts.

    Raises:
        BadQueries: a line is neither.
    """
    for number, line in enumerate(lines, start=1):
        lines.start_row()
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except (ValueError, RecursionError) as error:  # also a number too long to be read
            raise BadQueries(f"{path}, line {number}: not valid JSON: {error}") from error
        if not isinstance(row, str | dict):
            raise BadQueries(f"{path}, line {number}: expected a string or an object")
        yield Row(number, row)


def read_txt_rows(_path: object, lines: Lines, _: str | None) -> Iterator[Row]:
    """Yield the lines of a text file that are not blank."""
    for number, line in enumerate(lines, start=1):
        lines.start_row()
        if line.strip():
            yield Row(number, line.rstrip("\n"))


def choose_column(path: object, wanted: str | None, present: list[str]) -> str:
    """Return the column that holds the queries: the one that is named, or the only one.

    Raises:
        BadQueries: there is no such column, or none is named and there are several.
    """
    if wanted is None and len(present) == 1:
        return present[0]
    if wanted in present:
        return str(wanted)
    columns = show_columns(present)
    if wanted is None:
        raise BadQueries(f"{path} has columns {columns}; choose one with `queries: {{column: …}}`")
    raise BadQueries(f"{path} has no column {wanted!r}; columns: {columns}")


def show_columns(present: list[str]) -> str:
    """Return the names of columns for an error message."""
    columns = ", ".join(name[:MAX_SHOWN] for name in present[:_MAX_SHOWN_COLUMNS]) or "none"
    return columns + ", …" * (len(present) > _MAX_SHOWN_COLUMNS)


def _refuse_other_separator(path: object, header: str, column: str | None) -> None:
    """Refuse a file that is not separated by commas, which would be read as a single column.

    Raises:
        BadQueries: its header has semicolons or tabs and no comma, and is no column's name.
    """
    name = header.rstrip("\r\n")
    if "\0" in name:
        raise BadQueries(f"{path} looks like UTF-16; {SAVE_AS}")
    if name.startswith("sep="):  # as Excel writes and reads
        raise BadQueries(f"{path} begins with {name[:MAX_SHOWN]!r}; {SAVE_AS}")
    found = next((each for each in (";", "\t") if each in name), None)
    is_quoted = name.startswith('"') and name.find('"', 1) == len(name) - 1
    if found and "," not in name and not is_quoted and name != column:
        raise BadQueries(
            f"{path} seems to have {found!r} between its columns: its first line is "
            f"{name[:MAX_SHOWN]!r}; {SAVE_AS}. If that line is the name of one column, put it in "
            "double quotes"
        )
