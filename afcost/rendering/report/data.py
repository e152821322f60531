"""A report for programs: JSON and CSV."""

from __future__ import annotations

from afcost.rendering.console import format_csv, show_json
from runner.results import Report


def render_json(report: Report) -> str:
    """Return a report as JSON."""
    return show_json(report.to_json()) + "\n"


def render_csv(report: Report, *, raw: bool = False) -> str:
    """Return a report's strata as CSV, the planned figures beside the actual ones."""
    rows = []
    for stratum in report.to_json()["strata"]:
        planned = {f"planned_{name}": value for name, value in stratum.pop("planned").items()}
        actual = stratum.pop("actual")
        rows.append(stratum | planned | actual)
    return format_csv(
        list(rows[0]), [[str(cell) for cell in row.values()] for row in rows], raw=raw
    )
