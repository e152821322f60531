"""Row files: tables as csv and jsonl, row by row; model output in them stays plain data."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from estimator.atomic_write import open_atomically
from estimator.safe_text import CsvFile, dump_json, escape_cell


def write_csv(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]], *, raw: bool = False
) -> None:
    """Write a table whose cells are safe to open in a spreadsheet.

    Args:
        path: of the file.
        columns: in their order.
        rows: of the table.
        raw: leave cells as they are that a spreadsheet would take for formulas.
    """
    with open_atomically(path) as file:
        table = csv.DictWriter(CsvFile(file), columns)
        table.writeheader()
        table.writerows(rows if raw else map(_escape_row, rows))


def write_json_lines(path: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write a table as JSON, one row a line; it is exact."""
    with open_atomically(path) as file:
        file.writelines(dump_json(row) + "\n" for row in rows)


def _escape_row(row: Mapping[str, object]) -> dict[str, object]:
    return {
        name: escape_cell(cell) if isinstance(cell, str) else cell for name, cell in row.items()
    }
