"""How long the answers are, by model and condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from afcost.page.charts.chart import FIRST, INK, SECOND, Chart
from afcost.page.charts.dots import Margins, Row, Scale, draw_dots
from afcost.page.charts.names import measure_names, shorten
from afcost.page.charts.ticks import find_ticks
from afcost.page.report.parts import ReportPage
from afcost.page.shell.sections import PageSection
from afcost.page.shell.stages import name_model, name_stage
from experiment.definition import SUBJECT

_WIDTH = 340  # pixels: it fits a phone as well
_SPREAD = 20  # from this ratio of the longest to the shortest on, the axis is logarithmic
_EDGE = 1.2  # beyond the ends of a logarithmic axis
_ENDS, _HALF = ("q05", "q95"), ("q25", "q75")

Json = Mapping[str, Any]


def compose_lengths(page: ReportPage) -> PageSection | None:
    """Return the section; None where nothing is answered."""
    strata = page.figures.document["strata"]
    answered = [each for each in strata if each["stage"] == SUBJECT and each["lengths"]]
    if not answered:
        return None
    scale = find_scale([each["lengths"] for each in answered])
    colors = _choose_colors(page)
    models = {
        model: _draw_model(model, list(found), scale, colors)
        for model, found in groupby(answered, key=name_model)
    }
    values = {
        "models": list(models),
        "strata": strata,
        "is_log": scale.is_log,
        "name_stage": name_stage,
        "name_model": name_model,
    }
    return PageSection("lengths", "Lengths", "report/money/lengths.html.j2", values, models)


def find_scale(lengths: Sequence[Json]) -> Scale:
    """Return the axis that all models share: logarithmic where lengths differ by much."""
    low = max(min(each["q05"] for each in lengths), 1.0)
    high = max(each["q95"] for each in lengths)
    if high < _SPREAD * low:
        ticks = find_ticks(0, max(high, 1.0), most=4)
        return Scale(0, ticks[-1], ticks, "~s")
    ticks = [t for power in range(8) for t in (10.0**power, 3 * 10.0**power) if low <= t <= high]
    return Scale(low / _EDGE, high * _EDGE, ticks, ",d", is_log=True)


def _choose_colors(page: ReportPage) -> dict[str, tuple[str, bool]]:
    """Return condition -> its colour and whether it is hollow, by the compared factor's levels."""
    report = page.report
    compared, factors = report.analysis.compared, report.run_folder.spec.factors
    levels = list(factors.get(compared or "", {}))
    looks = dict(zip(levels, ((FIRST, False), (SECOND, True)), strict=False))
    at = list(factors).index(compared) if compared in factors else None
    if at is None or len(levels) > len(looks):
        return {}
    names = {each.condition for each, _ in report.strata}
    return {name: looks[name.split("/")[at]] for name in names if name.count("/") >= at}


def _draw_model(
    model: str, strata: Sequence[Json], scale: Scale, colors: Mapping[str, tuple[str, bool]]
) -> Chart:
    rows = [_make_row(each, scale, colors) for each in strata]
    left = measure_names((row.name for row in rows), most=130)
    drawn = draw_dots(f"lengths-{model}", rows, scale, margins=Margins(left, 56), width=_WIDTH)
    named = ({name: each[name] for name in ("provider", "model", "condition")} for each in strata)
    data = [name | each["lengths"] for name, each in zip(named, strata, strict=True)]
    return replace(drawn, rows=data)


def _make_row(stratum: Json, scale: Scale, colors: Mapping[str, tuple[str, bool]]) -> Row:
    lengths, condition = stratum["lengths"], stratum["condition"]
    color, is_hollow = colors.get(condition, (INK, False))
    low, inner_low, value, inner_high, high = (
        max(lengths[name], scale.low) for name in (_ENDS[0], _HALF[0], "q50", _HALF[1], _ENDS[1])
    )
    return Row(
        shorten(condition, 16),
        value=value,
        low=low,
        high=high,
        inner_low=inner_low,
        inner_high=inner_high,
        color=color,
        is_hollow=is_hollow,
        text=f"{lengths['q50']:,.0f}",
        tip=_describe(stratum),
    )


def _describe(stratum: Json) -> str:
    lengths = stratum["lengths"]
    median, mean, low, high = (f"{lengths[name]:,.0f}" for name in ("q50", "mean", "q05", "q95"))
    return (
        f"{name_model(stratum)} {stratum['condition']}: median {median}, mean {mean} tokens\n"
        f"5 to 95%: {low} to {high}, of {lengths['answers']:,} answers"
    )
