"""Rates as small multiples: one chart for each model, or a single one, all on one scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby

from afcost.page.charts.chart import NARROW, Chart
from afcost.page.charts.dots import Row, Scale, draw_dots
from afcost.page.charts.ticks import find_ticks
from afcost.page.report.findings.gap_chart import group_rows
from afcost.page.report.findings.places import (
    LevelRate,
    PlacedComparison,
    match_levels,
    place_cells,
)
from afcost.page.report.findings.rows import choose_look, draw_rows, fit_texts
from experiment.analysis import Analysis, Comparison
from experiment.definition import ExperimentSpec

_NAMES, _WIDE_NAMES = 110, 240  # pixels, that names may have
_LABELS = 5  # ticks at most, so that they do not run into each other
_TENTH = 10

CaptionedCharts = dict[str, Chart]


def draw_rates(analysis: Analysis, spec: ExperimentSpec) -> CaptionedCharts:
    """Return a chart for each model by its name; a single one where each has one rate."""
    scale = _find_scale(analysis)
    if scale is None:
        return {}
    cells = place_cells(analysis)
    groups = {
        model: [row for each in placed for row in _list_rows(analysis, spec, each)]
        for model, placed in groupby(cells, key=lambda each: each.comparison.model)
    }
    if all(len(rows) == 1 for rows in groups.values()):
        named = [(model, rows[0][1]) for model, rows in groups.items()]
        return {"": _draw_single(group_rows(named), scale)}
    return {
        model: _draw(f"rates-{number}", group_rows(rows), scale)
        for number, (model, rows) in enumerate(groups.items(), 1)
    }


def _draw(name: str, rows: Sequence[Row], scale: Scale) -> Chart:
    fitted, margins = fit_texts(rows, NARROW, _NAMES)
    return draw_dots(name, fitted, scale, margins=margins, width=NARROW)


def _draw_single(rows: Sequence[Row], scale: Scale) -> Chart:
    """Return the chart of all models, which has room for their names."""
    return draw_rows("rates", rows, scale, (_WIDE_NAMES, _NAMES))


def _find_scale(analysis: Analysis) -> Scale | None:
    """Return the axis that all of them share, from 0 to a tenth above the highest."""
    rates = [each for each in analysis.rates if each.rate is not None]
    if not rates:
        return None
    highest = max(each.rate or 0.0 if each.high is None else each.high for each in rates)
    top = min(max(math.ceil(highest * _TENTH) / _TENTH, 0.1), 1.0)
    ticks = [tick for tick in find_ticks(0, top, _LABELS) if tick <= 1]
    return Scale(0, max(ticks[-1], top), ticks, ".0%")


def _list_rows(
    analysis: Analysis, spec: ExperimentSpec, placed: PlacedComparison
) -> list[tuple[str, Row]]:
    """Return the rows of a cell, each with the heading that it stands below."""
    found = match_levels(analysis, spec, placed.comparison)
    return [
        (placed.comparison.within or "", _make_row(placed.comparison, each))
        for each in found
        if each.placed.rate.rate is not None
    ]


def _make_row(comparison: Comparison, found: LevelRate) -> Row:
    rate = found.placed.rate
    share = rate.rate or 0.0
    color, is_hollow = choose_look(found.number)
    interval = ""
    if rate.low is not None and rate.high is not None:
        interval = f"\n95% interval {rate.low:.0%} to {rate.high:.0%}"
    return Row(
        found.level,
        value=share,
        low=rate.low,
        high=rate.high,
        color=color,
        is_hollow=is_hollow,
        text=f"{share:.0%}",
        tip=f"{comparison.model}, {rate.condition}: {share:.1%}\n"
        f"{rate.count:,} of {rate.of:,} answers{interval}",
    )
