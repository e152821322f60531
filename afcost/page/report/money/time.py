"""Spending over time: billed, held and reserved under the cap."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from afcost.page.charts.spending import ExpectedCost, Moment, draw_spending
from afcost.page.report.parts import ReportPage
from afcost.page.shell.sections import PageSection
from afcost.rendering.console import format_dollars
from runner.results import PAUSE

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def compose_time(page: ReportPage) -> PageSection | None:
    """Return the section; None before anything was entered in the ledger."""
    document = page.figures.document
    spending, forecast, approval = (document[k] for k in ("spending", "forecast", "approval"))
    if spending is None:
        return None
    low, likely, high = (float(forecast[name]) for name in ("q05", "mean", "q95"))
    chart = draw_spending(
        [_read_moment(each) for each in spending["moments"]],
        cap=float(approval["cap_usd"]) if approval else None,
        write=format_dollars,
        end=ExpectedCost(low, likely, high),
        pauses=[(each["running_seconds"], _describe(each)) for each in spending["pauses"]],
    )
    chart = replace(chart, rows=spending["moments"])
    values = {
        "when": _format_span(spending["from"], spending["to"]),
        "took": format_elapsed(spending["moments"][-1]["running_seconds"]),
        "pauses": [_describe(each) for each in spending["pauses"]],
        "shortest": format_elapsed(PAUSE),
    }
    return PageSection("time", "Time", "report/money/time.html.j2", values, {"spending": chart})


def format_elapsed(seconds: float) -> str:
    """Return a time as people say it: `8 s`, `31 min`, `3 h 10 min`, `2 d 4 h`."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    for large, small, names in (
        (_DAY, _HOUR, ("d", "h")),
        (_HOUR, _MINUTE, ("h", "min")),
        (_MINUTE, 1, ("min", "s")),
    ):
        if whole >= large:
            first, rest = divmod(whole, large)
            second = rest // small
            return f"{first} {names[0]}" + (f" {second} {names[1]}" if second else "")
    return f"{whole} s"


def _read_moment(moment: dict[str, Any]) -> Moment:
    money = (float(moment[f"{name}_usd"]) for name in ("settled", "held", "reserved"))
    return Moment(moment["running_seconds"], *money)


def _describe(pause: dict[str, float]) -> str:
    length, at = format_elapsed(pause["seconds"]), format_elapsed(pause["running_seconds"])
    return f"{length} without an entry, after {at}"


def _format_span(start: str, end: str) -> str:
    """Return from when to when; the day once where it is the same."""
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    until = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
    return f"{first:%Y-%m-%d %H:%M} to {until} UTC"
