"""Curves of a detectable gap against dollars, on logarithmic axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from afcost.page.charts.chart import (
    CONFIG,
    FIRST,
    INK,
    MUTED,
    NARROW,
    PAPER,
    SECOND,
    Chart,
)
from afcost.page.charts.vega import Spec, lay_out, make_layer, show_field, show_text, show_value

_COLORS = (FIRST, SECOND, MUTED, INK)
_DASHES = ([1, 0], [6, 3], [2, 3], [1, 0])
_LINE_HEIGHT = 16  # pixels, of a name
_WIDE = 480  # pixels
_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 220, 44, 92, 8, 40  # pixels


@dataclass(frozen=True, slots=True)
class Line:
    """One curve.

    Attributes:
        name: at its right end.
        points: dollars and the gap in percentage points, from left to right.
        tips: what the pointer's tip says of each.
    """

    name: str
    points: Sequence[tuple[float, float]]
    tips: Sequence[str]


def draw_curves(
    name: str, lines: Sequence[Line], label: str, *, budget: float | None = None
) -> Chart:
    """Return a chart of curves; dollars are on a logarithmic axis.

    Args:
        name: of its files.
        lines: at most four.
        label: what it shows, in sentences.
        budget: dollars, drawn as a line from top to bottom; None for none.
    """
    data = [
        {"line": line.name, "dollars": x, "gap_points": y, "tip": tip}
        for line in lines
        for (x, y), tip in zip(line.points, line.tips, strict=True)
    ]
    wide, narrow = (_lay_out(lines, budget, width) for width in (_WIDE, NARROW))
    return Chart(name, label, data, wide, narrow)


@dataclass(frozen=True, slots=True)
class _Plot:
    """What all layers of one drawing share: its width and the ends of its axes."""

    width: int
    dollars: tuple[float, float]
    gaps: tuple[float, float]

    def x(self) -> Spec:
        axis = {
            "values": _list_powers(*self.dollars),
            "labelExpr": "format(datum.value, datum.value < 1 ? '$.2f' : '$,d')",
            "grid": False,
        }
        ends = {"type": "log", "domain": list(self.dollars), "nice": False}
        return show_field("x", title="likely cost in US dollars", scale=ends, axis=axis)

    def y(self) -> Spec:
        low, high = self.gaps
        axis = {"values": _list_steps(low, high), "format": "~r", "labelPadding": 8}
        ends = {"type": "log", "domain": [low * 0.9, high * 1.1], "nice": False}
        return show_field("y", title=None, scale=ends, axis=axis)


def _lay_out(lines: Sequence[Line], budget: float | None, width: int) -> Spec:
    xs = [x for line in lines for x, _ in line.points] + ([budget] if budget else [])
    ys = [y for line in lines for _, y in line.points]
    plot = _Plot(width - _LEFT - _RIGHT, (min(xs), max(xs)), (min(ys), max(ys)))
    factor = (max(ys) / min(ys)) ** (_LINE_HEIGHT / _HEIGHT)
    ends = _spread([line.points[-1][1] for line in lines], factor)
    layers = _draw_budget(plot, budget) if budget else []
    for number, (line, end) in enumerate(zip(lines, ends, strict=True)):
        layers += _draw_line(plot, line, number, end)
    padding = {"left": _LEFT, "right": _RIGHT, "top": _TOP, "bottom": _BOTTOM}
    return lay_out(layers, width=plot.width, height=_HEIGHT, padding=padding, config=CONFIG)


def _draw_line(plot: _Plot, line: Line, number: int, end: float) -> list[Spec]:
    color, dash = _COLORS[number % len(_COLORS)], _DASHES[number % len(_DASHES)]
    rows = [
        {"x": dollars, "y": gap, "tip": tip}
        for (dollars, gap), tip in zip(line.points, line.tips, strict=True)
    ]
    at = {"x": plot.x(), "y": plot.y()}
    name = {"x": show_value(plot.width), "y": plot.y(), "text": show_value(line.name)}
    look: Spec = {"align": "left", "baseline": "middle", "dx": 6, "color": color, "aria": False}
    dot: Spec = {"size": 26, "fill": color, "stroke": PAPER, "strokeWidth": 1, "opacity": 1}
    drawn: Spec = {"color": color, "strokeWidth": 2, "strokeDash": dash, "aria": False}
    return [
        make_layer("line", at, values=rows, **drawn),
        make_layer("point", at | {"description": show_text("tip")}, values=rows, **dot),
        make_layer("text", name, values=[{"y": end}], **look),
    ]


def _draw_budget(plot: _Plot, budget: float) -> list[Spec]:
    values, said = [{"x": budget}], f"${budget:,.0f}" if budget >= 1 else f"${budget:.2f}"
    look: Spec = {"align": "right", "baseline": "top", "dx": -5, "color": INK, "aria": False}
    text = {"x": plot.x(), "y": show_value(0), "text": show_value(said)}
    rule = make_layer("rule", {"x": plot.x()}, values=values, color=INK, strokeWidth=1.5)
    return [rule, make_layer("text", text, values=values, **look)]


def _list_powers(low: float, high: float) -> list[float]:
    """Return the powers of ten in a range; with less than two of them also 2 and 5 times these."""
    inside = [10.0**each for each in range(-6, 9) if low <= 10.0**each <= high]
    return inside if len(inside) > 1 else _list_steps(low, high)


def _list_steps(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times the powers of ten in a range."""
    steps = [round(10.0**each * times, 9) for each in range(-6, 9) for times in (1, 2, 5)]
    return [each for each in steps if low <= each <= high]


def _spread(ends: Sequence[float], factor: float) -> list[float]:
    """Return where names stand: at the lines' ends, but each `factor` above the one below it."""
    placed = [0.0] * len(ends)
    below = 0.0
    for number in sorted(range(len(ends)), key=lambda each: ends[each]):
        below = placed[number] = max(ends[number], below * factor)
    return placed
