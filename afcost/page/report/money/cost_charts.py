"""Charts of cost: what was billed beside the forecast's range, by stage and by stratum.

Both compare with the forecast of what was run: in a complete run that is the plan's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from afcost.page.charts.chart import INK, MARK, Chart
from afcost.page.charts.dots import Margins, Row, Scale, draw_dots, scale_dollars
from afcost.page.charts.names import fit_names, measure_names, shorten
from afcost.page.charts.ticks import find_ticks
from afcost.page.shell.stages import name_model, name_stage, order_by_stage
from afcost.rendering.console import format_dollars
from experiment.definition import SUBJECT

_MOST_STRATA = 48  # a longer chart is none that one looks at; the table has all
_NARROW_NAMES = 124  # pixels

Json = Mapping[str, Any]


def draw_stages(document: Json) -> Chart | None:
    """Return the chart of what each stage of each model was billed; None without a stage."""
    rows: list[Row] = []
    for stage, found in groupby(order_by_stage(document["stages"]), key=lambda each: each["stage"]):
        rows += [Row(name_stage(stage), is_heading=True), *map(_make_stage_row, found)]
    if not rows:
        return None
    drawn = _draw("cost-by-stage", rows, scale_dollars(rows), Margins(right=72))
    return replace(drawn, rows=[_list_money(each, each["cost_usd"]) for each in document["stages"]])


def draw_strata(document: Json) -> Chart | None:
    """Return the chart of each stratum's bill as a share of what was likely; None without one.

    Of many strata those are shown that are the farthest from what was likely.
    """
    ordered = order_by_stage(document["strata"])
    strata = [each for each in ordered if float(each["run"]["mean"]) > 0]
    shown = sorted(strata, key=_find_distance, reverse=True)[:_MOST_STRATA]
    rows = list(_list_stratum_rows([each for each in strata if each in shown]))
    ends = [
        end for row in rows for end in (row.value, row.range_low, row.range_high) if end is not None
    ]
    if not ends:
        return None
    ticks = find_ticks(min(*ends, 1), max(*ends, 1))
    scale = Scale(ticks[0], ticks[-1], ticks, ".0%", zero=1)
    drawn = _draw("projected-against-actual", rows, scale, Margins(right=112, step=20))
    return replace(drawn, rows=[_list_money(each, each["actual"]["cost_usd"]) for each in strata])


def _draw(name: str, rows: Sequence[Row], scale: Scale, margins: Margins) -> Chart:
    left = measure_names(row.name for row in rows if not row.is_heading)
    wide = Margins(left, margins.right, margins.step)
    narrow = Margins(min(left, _NARROW_NAMES), margins.right, margins.step)
    short = fit_names(rows, narrow.left)
    return draw_dots(name, rows, scale, margins=wide, narrow=narrow, narrow_rows=short)


def _list_money(of: Json, billed: str) -> dict[str, object]:
    """Return the figures behind a row, for a file."""
    names = (name for name in ("stage", "provider", "model", "condition") if name in of)
    ends = {f"{name}_usd": of["run"][name] for name in ("mean", "q05", "q95")}
    return {name: of[name] for name in names} | {
        "billed_usd": billed,
        **ends,
        "inside": of["run"]["inside"],
    }


def _make_stage_row(stage: Json) -> Row:
    cost, run = float(stage["cost_usd"]), stage["run"]
    said = f"{name_stage(stage['stage'])} {name_model(stage)}: billed {format_dollars(cost)}"
    return Row(
        shorten(name_model(stage), 24),
        value=cost,
        range_low=float(run["q05"]),
        range_high=float(run["q95"]),
        color=_choose_color(run),
        text=format_dollars(cost),
        tip=f"{said}\n{_describe_range(run)}",
    )


def _list_stratum_rows(strata: Sequence[Json]) -> Iterator[Row]:
    for (stage, model), found in groupby(
        strata, key=lambda each: (each["stage"], name_model(each))
    ):
        name = model if stage == SUBJECT else f"{name_stage(stage)} ({model})"
        yield Row(shorten(name, 48), is_heading=True)
        yield from map(_make_stratum_row, found)


def _make_stratum_row(stratum: Json) -> Row:
    run, cost = stratum["run"], float(stratum["actual"]["cost_usd"])
    likely = float(run["mean"])
    mark = "outside  " if run["inside"] is False else ""
    said = f"{name_stage(stratum['stage'])} {name_model(stratum)} {stratum['condition']}"
    return Row(
        shorten(stratum["condition"]),
        value=cost / likely,
        range_low=float(run["q05"]) / likely,
        range_high=float(run["q95"]) / likely,
        color=_choose_color(run),
        text=f"{mark}{format_dollars(cost)}",
        tip=f"{said}: billed {format_dollars(cost)}, {cost / likely:.0%} of what was likely"
        f"\n{_describe_range(run)}",
    )


def _choose_color(run: Json) -> str:
    return MARK if run["inside"] is False else INK


def _describe_range(run: Json) -> str:
    low, high, likely = (format_dollars(float(run[name])) for name in ("q05", "q95", "mean"))
    return f"likely {likely}, 90% range {low} to {high}"


def _find_distance(stratum: Json) -> float:
    return abs(float(stratum["actual"]["cost_usd"]) / float(stratum["run"]["mean"]) - 1)
