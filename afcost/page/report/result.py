"""The result: compliance in each model and condition, and the gaps between the compared levels."""

from __future__ import annotations

from itertools import groupby

from afcost.page.charts.chart import Chart
from afcost.page.charts.dots import Margins, Row, Scale, draw_dots
from afcost.page.charts.ticks import find_ticks
from afcost.page.report.parts import PageSection, ReportPage
from afcost.page.shell.figures import format_points
from experiment.analysis import Analysis, Comparison

_PERCENT = 100


def compose_result(page: ReportPage) -> PageSection | None:
    """Return the section; None where nothing is compared."""
    analysis = page.report.analysis
    if not analysis.comparisons:
        return None
    gaps = draw_gaps(analysis)
    return PageSection(
        "result",
        "Result",
        "report/result.html.j2",
        {"comparisons": analysis.comparisons, "levels": analysis.comparisons[0].rates},
        {"gaps": gaps} if gaps else {},
    )


def draw_gaps(analysis: Analysis) -> Chart | None:
    """Return the chart of all gaps, in percentage points; None where there are none."""
    rows = []
    for model, compared in groupby(analysis.comparisons, key=lambda each: each.model):
        rows += [Row(model, is_heading=True), *map(_make_gap_row, compared)]
    ends = [end for row in rows for end in (row.low, row.high) if end is not None]
    if not ends:
        return None
    ticks = find_ticks(min(*ends, 0), max(*ends, 0))
    scale = Scale(ticks[0], ticks[-1], ticks, "+d", zero=0)
    return draw_dots("gaps", rows, scale, margins=Margins(72, 158), narrow=Margins(62, 140))


def _make_gap_row(comparison: Comparison) -> Row:
    gap, name = comparison.gap, comparison.within or "all"
    if gap is None or gap.estimate is None or gap.low is None or gap.high is None:
        return Row(name, text="too few queries")
    interval = f"{format_points(gap.low)} to {format_points(gap.high)}"
    return Row(
        name,
        value=gap.estimate * _PERCENT,
        low=gap.low * _PERCENT,
        high=gap.high * _PERCENT,
        is_hollow=gap.low <= 0 <= gap.high,
        text=f"{format_points(gap.estimate)}  ({interval})",
        tip=f"{comparison.model} {name}: {format_points(gap.estimate)} points\n"
        f"95% interval {interval}\n{gap.pairs:,} queries in both",
    )
