"""The label file: a csv with an answer in each row and a column to write a label in.

It says nothing of the model, the condition or what a judge said. A spreadsheet may save it with
semicolons or tabs; columns that a person adds stay in it.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from estimator.atomic_write import open_atomically
from estimator.safe_text import CsvFile
from experiment.errors import BadLabels, RefusedFile
from experiment.file_access import MAX_QUERY_BYTES, read_user_file

COLUMNS = ("id", "query", "output", "reasoning", "label", "rater")
_NEEDED = ("id", "label")
_SEPARATORS = (",", ";", "\t")
_SHOWN = 60
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(slots=True)
class LabelRow:
    """A row of a label file: its cells, as they stand there, and the line that it begins at."""

    cells: dict[str, str]
    line: int

    @property
    def request(self) -> str:
        """The id of the answer."""
        return self.cells["id"].strip()

    @property
    def rater(self) -> str:
        """The person who labelled it; empty where no name is given."""
        return self.cells.get("rater", "").strip()


@dataclass(slots=True)
class LabelFile:
    """A label file.

    Attributes:
        path: of the file.
        columns: in their order.
        rows: in theirs.
        separator: between its cells.
    """

    path: Path
    columns: list[str] = field(default_factory=lambda: list(COLUMNS))
    rows: list[LabelRow] = field(default_factory=list)
    separator: str = ","


def read_label_file(path: Path) -> LabelFile:
    """Read a label file.

    Raises:
        BadLabels: it cannot be read, or is none.
    """
    text = _read_text(path)
    header = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=header.count)
    lines = io.StringIO(text, newline="")
    try:
        with _long_cells():
            reader = csv.DictReader(lines, delimiter=separator, strict=True)
            columns = [name.strip() for name in reader.fieldnames or []]
            _check_columns(path, columns, header)
            reader.fieldnames = columns
            return LabelFile(path, columns, list(_read_rows(path, reader)), separator)
    except csv.Error as error:
        raise BadLabels(f"{path} is not valid csv: {error}") from error


def write_label_file(file: LabelFile) -> None:
    """Write a label file, whole or not at all.

    Raises:
        BadLabels: it cannot be written.
    """
    try:
        with open_atomically(file.path) as opened:
            table = csv.DictWriter(CsvFile(opened), file.columns, delimiter=file.separator)
            table.writeheader()
            table.writerows(row.cells for row in file.rows)
    except OSError as error:
        raise BadLabels(f"cannot write {file.path}: {error.strerror}") from error


def _read_text(path: Path) -> str:
    try:
        read = read_user_file(path, MAX_QUERY_BYTES)
        return read.decode("utf-16" if read.startswith(_UTF_16) else "utf-8-sig")
    except RefusedFile as error:
        raise BadLabels(str(error)) from error
    except UnicodeDecodeError as error:
        raise BadLabels(
            f"{path} is not UTF-8 text ({error.reason} at byte {error.start:,}); save it as csv in "
            "UTF-8 (in Excel: CSV UTF-8)"
        ) from error
    except OSError as error:
        raise BadLabels(f"cannot read {path}: {error.strerror}") from error


def _check_columns(path: Path, columns: list[str], header: str) -> None:
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise BadLabels(
            f"{path} has no column {' and no column '.join(missing)}: its first line is "
            f"{header.strip()[:_SHOWN]!r}; `afcost label RUN` makes a file that has them"
        )
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise BadLabels(f"{path} has the column {twice[0]!r} twice; remove one")


def _read_rows(path: Path, reader: csv.DictReader[str]) -> Iterator[LabelRow]:
    line = reader.line_num + 1
    for row in reader:
        if None in row:
            raise BadLabels(f"{path}, line {line}: more cells than columns; quote text with commas")
        cells = {name: cell or "" for name, cell in row.items()}
        if any(cell.strip() for cell in cells.values()):
            yield LabelRow(cells, line)
        line = reader.line_num + 1


@contextmanager
def _long_cells() -> Iterator[None]:
    """Let a cell be as long as an answer; Python's limit is 128 KiB."""
    before = csv.field_size_limit(MAX_QUERY_BYTES)
    try:
        yield
    finally:
        csv.field_size_limit(before)
