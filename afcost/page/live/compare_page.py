"""Two runs beside each other: cost, gaps with their intervals, conditions, and what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from afcost.page.charts.chart import FIRST, SECOND, Chart
from afcost.page.charts.dots import Margins, Row, draw_dots, drop_interval
from afcost.page.live.run_page import STYLES
from afcost.page.report.findings.gap_chart import make_gap_row, scale_points
from afcost.page.shell.document import render_document
from afcost.page.shell.figures import Figures, read_document
from afcost.page.shell.sections import Section
from afcost.page.shell.stages import name_stage
from afcost.rendering.run_summary import describe_outcome
from experiment.analysis import Comparison
from experiment.definition import SUBJECT
from runner.results import Report
from runner.watching import have_same_queries, list_differences

_WIDE, _NARROW = Margins(72, 158), Margins(62, 64)
_SIDES = ("first", "second")
_Key = tuple[str, ...]


def render_comparison(first: Report, second: Report) -> str:
    """Return the page of two runs beside each other."""
    both = (first, second)
    folders = [each.run_folder for each in both]
    read = [read_document(each.to_json()) for each in both]
    document = dict(zip(_SIDES, read, strict=True))
    gaps = _match(
        [each.analysis.comparisons for each in both], lambda each: (each.model, each.within)
    )
    strata = _match(
        [document[side]["strata"] for side in _SIDES],
        lambda each: (each["stage"], f"{each['provider']}/{each['model']}", each["condition"]),
    )
    return render_document(
        "compare.html.j2",
        styles=STYLES,
        sections=[
            Section("cost", "Cost"),
            Section("gaps", "Gaps"),
            Section("conditions", "Conditions"),
            Section("plans", "Plans"),
        ],
        figures=Figures(document),
        sides=_SIDES,
        names=_name_both(both),
        outcomes=[describe_outcome(each) for each in both],
        titles=[folder.spec.title or folder.plan.name for folder in folders],
        gaps=gaps,
        reports=document,
        name_stage=name_stage,
        strata=sorted(strata, key=lambda each: each[0][0] != SUBJECT),
        chart=_draw_gaps(both, gaps),
        differences=list_differences(*folders),
        same_queries=have_same_queries(*folders),
    )


def _name_both(both: Sequence[Report]) -> list[str]:
    """Return the names of two runs; where they are the same, with their folders' parents."""
    folders = [each.run_folder.path for each in both]
    names = [each.name for each in folders]
    return names if names[0] != names[1] else [f"{f.parent.parent.name}/{f.name}" for f in folders]


def _match(
    both: Sequence[Sequence[Any]], name: Callable[[Any], _Key]
) -> list[tuple[_Key, list[int | None]]]:
    """Return each name in either list, with its number in both; None where one has it not."""
    numbers = [{name(each): number for number, each in enumerate(of_one)} for of_one in both]
    keys = dict.fromkeys(key for of_one in numbers for key in of_one)
    return [(key, [of_one.get(key) for of_one in numbers]) for key in keys]


def _draw_gaps(
    both: Sequence[Report], gaps: Sequence[tuple[_Key, list[int | None]]]
) -> Chart | None:
    """Return the chart of the gaps of both runs, in percentage points; None without any."""
    rows = []
    for (model, within), numbers in gaps:
        rows.append(Row(" ".join(filter(None, (model, within))) or "all", is_heading=True))
        for report, number, side, color in zip(both, numbers, _SIDES, (FIRST, SECOND), strict=True):
            if number is not None:
                rows.append(_make_row(report.analysis.comparisons[number], side, color))
    scale = scale_points(rows)
    if scale is None:
        return None
    short = [*map(drop_interval, rows)]  # a phone has no room for it; the table has it
    return draw_dots("two-runs", rows, scale, margins=_WIDE, narrow=_NARROW, narrow_rows=short)


def _make_row(comparison: Comparison, side: str, color: str) -> Row:
    whose = ", ".join(filter(None, (side, comparison.model, comparison.within)))
    return replace(make_gap_row(side, comparison.gap, whose), color=color)
