"""Gaps as a chart: points with their intervals, and what others have published as diamonds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from afcost.page.charts.chart import Chart
from afcost.page.charts.dots import Row, Scale, drop_interval
from afcost.page.charts.ticks import find_ticks
from afcost.page.report.findings.places import (
    PlacedGap,
    list_gaps,
    name_model,
    place_cells,
    place_models,
    place_overall,
)
from afcost.page.report.findings.rows import draw_rows
from afcost.page.shell.figures import PERCENT, format_interval, format_points
from afcost.rendering.console import show
from experiment.analysis import Analysis, ComplianceGap

_MOST_LEADING, _MOST_ROWS = 10, 72  # gaps that a chart shows
_LEAST_WIDTH = 6  # of the axis, in points
_NAMES = 180, 120  # pixels at the left, at most, on a desk and on a phone
_LABELS = 4  # steps of the axis at most, so that its labels have room on a phone
_SHORT = 8  # letters of a level that fit there
_SIDE = 0.34  # of the axis, that words on one side of its zero need


def draw_gaps(analysis: Analysis) -> Chart | None:
    """Return the chart of the gaps that lead, in percentage points; None where there are none.

    Those of the cells give way to those of the models, where they are more than one takes in.
    """
    models, overall = list_gaps(place_models(analysis)), list_gaps(place_overall(analysis))
    shown = models if _has_too_many(analysis) else list_gaps(place_cells(analysis))
    return draw_gap_rows([*shown, *overall], analysis, "gaps")


def draw_all_gaps(analysis: Analysis) -> Chart | None:
    """Return the chart of the gaps in all cells, where they are not the ones that lead."""
    cells = list_gaps(place_cells(analysis))
    if not _has_too_many(analysis) or len(cells) > _MOST_ROWS:
        return None
    return draw_gap_rows(cells, analysis, "gaps-in-cells")


def _has_too_many(analysis: Analysis) -> bool:
    cells, models = list_gaps(place_cells(analysis)), list_gaps(place_models(analysis))
    return bool(models) and len(cells) > _MOST_LEADING


def draw_gap_rows(gaps: Sequence[PlacedGap], analysis: Analysis, name: str) -> Chart | None:
    """Return a chart of these gaps; None where none has an interval."""
    rows = group_rows([(name_model(each.comparison.model), _make_row(each, analysis))
                       for each in gaps])  # fmt: skip
    scale = scale_points(rows, _find_levels(gaps))
    if scale is None:
        return None
    drawn = draw_rows(name, rows, scale, _NAMES, narrow_rows=[*map(drop_interval, rows)])
    return replace(drawn, label=f"Gaps in percentage points: {drawn.label}.")


def group_rows(named: Sequence[tuple[str, Row]]) -> list[Row]:
    """Return rows below their headings, of which an empty one is left out.

    Where each heading would have one row, it is the row's name.
    """
    groups = [(head, [row for _, row in each]) for head, each in groupby(named, lambda p: p[0])]
    if all(len(rows) == 1 for _, rows in groups):
        return [_rename(rows[0], head) for head, rows in groups]
    headed = [([Row(head, is_heading=True)] if head else [], rows) for head, rows in groups]
    return [row for heading, rows in headed for row in (*heading, *rows)]


def scale_points(rows: Sequence[Row], levels: tuple[str, str] | None = None) -> Scale | None:
    """Return the axis of rows in percentage points; None where none has anything to draw.

    Args:
        rows: to be drawn.
        levels: whose gap it is; None where gaps between others are drawn too.
    """
    names = ("value", "low", "high", "range_low", "range_high", "reference")
    found = [getattr(row, name) for row in rows for name in names]
    ends = [each for each in found if each is not None]
    if not ends:
        return None
    low, high = min(*ends, 0), max(*ends, 0)
    if high - low < _LEAST_WIDTH:
        low, high = low - _LEAST_WIDTH / 2, high + _LEAST_WIDTH / 2
    ticks = find_ticks(low, high, _LABELS)
    zero = -ticks[0] / (ticks[-1] - ticks[0])
    has_room = (
        levels is not None
        and _SIDE < zero < 1 - _SIDE
        and max(map(len, map(show, levels))) <= _SHORT
    )
    sides = None
    if has_room and levels:
        sides = f"← more in {show(levels[1])}", f"more in {show(levels[0])} →"
    return Scale(ticks[0], ticks[-1], ticks, "+d", zero=0, sides=sides)


def _find_levels(gaps: Sequence[PlacedGap]) -> tuple[str, str] | None:
    between = {each.gap.between for each in gaps}
    return between.pop() if len(between) == 1 else None


def _rename(row: Row, head: str) -> Row:
    return replace(row, name=head)


def _make_row(placed: PlacedGap, analysis: Analysis) -> Row:
    """Return the row of a gap, with what is published of it."""
    name = placed.cell or "all"
    row = make_gap_row(name, placed.gap, f"{name_model(placed.comparison.model)}, {name}")
    published = _find_published(placed, analysis)
    if published is None or row.value is None:
        return row
    said = f"published: {format_points(published)} points"
    return replace(row, reference=published * PERCENT, reference_tip=said)


def make_gap_row(name: str, gap: ComplianceGap | None, whose: str) -> Row:
    """Return the row of a gap with its interval, in percentage points.

    Args:
        name: at its left.
        gap: None where nothing is compared.
        whose: gap it is, for the pointer's tip.
    """
    if gap is None or gap.estimate is None or gap.low is None or gap.high is None:
        return Row(name, text="too few queries")
    interval = format_interval(gap.low, gap.high)
    return Row(
        name,
        value=gap.estimate * PERCENT,
        low=gap.low * PERCENT,
        high=gap.high * PERCENT,
        is_hollow=gap.low <= 0 <= gap.high,
        text=f"{format_points(gap.estimate)}  ({interval})",
        tip=f"{whose}: {format_points(gap.estimate)} points\n"
        f"95% interval {interval}\n{gap.pairs:,} queries in both",
    )


def _find_published(placed: PlacedGap, analysis: Analysis) -> float | None:
    """Return what is published of a gap, the first figure where there are several."""
    place = placed.comparison.model, placed.comparison.within, placed.gap.between
    figures = (
        each.gap
        for each in analysis.published
        if (each.model, each.within, each.between) == place and each.gap is not None
    )
    return next(figures, None)
