"""A report for programs: JSON and CSV."""

from __future__ import annotations

from typing import Any

from afcost.rendering.console import format_csv, show_json
from afcost.rendering.next_step import build_commands_of_report, find_next_command
from afcost.rendering.report.findings import describe_counts
from experiment.scoring import AnswerKind
from runner.results import Report

_STRATUM = ("stage", "provider", "model", "condition", "truncated", "failed", "inside")
_FIGURES = ("requests", "input_tokens", "output_tokens")
_COLUMNS = [
    *_STRATUM,
    *(f"planned_{name}" for name in (*_FIGURES, "cost_usd")),
    *(*_FIGURES, "reasoning_tokens", "cached_tokens", "cost_usd"),
    "in_flight",
    *(f"kind_{kind}" for kind in AnswerKind),
    "cut",
    "missing",
    "missing_by",
]


def render_json(report: Report) -> str:
    """Return a report as JSON, with the command line to go on with."""
    step = find_next_command(report, build_commands_of_report(report))
    return show_json(report.to_json() | {"next": step}) + "\n"


def render_csv(report: Report, *, raw: bool = False) -> str:
    """Return a report's strata as CSV, the planned figures beside the actual ones.

    The columns are always the same; a figure that a stratum has none of is empty.
    """
    rows = [_flatten_stratum(stratum) for stratum in report.to_json()["strata"]]
    cells = [[_format_cell(row.get(name)) for name in _COLUMNS] for row in rows]
    return format_csv(_COLUMNS, cells, raw=raw)


def _flatten_stratum(stratum: dict[str, Any]) -> dict[str, Any]:
    planned = {f"planned_{name}": value for name, value in stratum["planned"].items()}
    row: dict[str, Any] = stratum | planned | stratum["actual"]
    if stratum["kinds"] is None:  # a judge's
        return row
    missing = stratum["missing"]
    row |= {f"kind_{kind}": count for kind, count in stratum["kinds"].items()}
    return row | {"missing": sum(missing.values()), "missing_by": describe_counts(missing)}


def _format_cell(value: object) -> str:
    return "" if value is None else str(value)
