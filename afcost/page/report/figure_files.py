"""A report's charts as files: each as svg and png, with the data behind it as csv."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

from afcost.page.charts.chart import Chart
from afcost.page.report.view import list_charts
from afcost.rendering.console import format_csv
from estimator.atomic_write import write_atomically, write_bytes_atomically
from runner.results import Report

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST = 80  # characters of a file's name


def write_figures(report: Report, folder: Path, *, raw: bool = False) -> list[str]:
    """Write all charts of a report's page to a folder, and return their names.

    A name is that of the chart, so it is the same in each report of an experiment; files that are
    there are replaced.

    Args:
        report: of the run.
        folder: is made where there is none.
        raw: for programs: cells that a spreadsheet would take for formulas stay as they are.

    Raises:
        MissingExtra: charts cannot be drawn here.
        OSError: a file cannot be written.
    """
    named = dict(_name_charts(list_charts(report)))
    for name, chart in named.items():
        write_atomically(folder / f"{name}.svg", chart.to_svg())
        write_bytes_atomically(folder / f"{name}.png", chart.to_png())
        write_atomically(folder / f"{name}.csv", format_rows(chart.rows, raw=raw))
    return list(named)


def format_rows(rows: Sequence[Mapping[str, object]], *, raw: bool = False) -> str:
    """Return the data behind a chart as CSV; what a row has none of is empty."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_format_cell(row.get(name)) for name in columns] for row in rows]
    return format_csv(columns, cells, raw=raw)


def _name_charts(charts: Sequence[Chart]) -> Iterator[tuple[str, Chart]]:
    """Yield each chart with the name of its files, which no other one has."""
    taken: set[str] = set()
    for chart in charts:
        first = _NOT_IN_NAMES.sub("-", chart.name).strip("-.")[:_LONGEST] or "chart"
        # Of two names that differ in case alone, many file systems keep one.
        name = next(each for each in _number(first) if each.casefold() not in taken)
        taken.add(name.casefold())
        yield name, chart


def _number(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name}-{number}" for number in count(2))


def _format_cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
