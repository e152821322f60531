"""Curves of a detectable gap against dollars, on logarithmic axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from afcost.page.charts.chart import (
    CONFIG,
    FIRST,
    INK,
    MUTED,
    NARROW,
    PAPER,
    SECOND,
    Chart,
    load_altair,
)

_COLORS = (FIRST, SECOND, MUTED, INK)
_DASHES = ([1, 0], [6, 3], [2, 3], [1, 0])
_LINE_HEIGHT = 16  # pixels, of a name
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
    name: str, lines: Sequence[Line], label: str, *, budget: float | None = None, width: int = 480
) -> Chart:
    """Return a chart of curves; dollars are on a logarithmic axis.

    Args:
        name: of its files.
        lines: at most four.
        label: what it shows, in sentences.
        budget: dollars, drawn as a line from top to bottom; None for none.
        width: of the wide drawing, in pixels.
    """
    data = [
        {"line": line.name, "dollars": x, "gap_points": y, "tip": tip}
        for line in lines
        for (x, y), tip in zip(line.points, line.tips, strict=True)
    ]
    narrow = _layer(lines, budget, NARROW) if width > NARROW else None
    return Chart(name, label, data, _layer(lines, budget, width), narrow)


def _layer(lines: Sequence[Line], budget: float | None, width: int) -> Any:  # noqa: ANN401 - altair's
    alt = load_altair()
    inner = width - _LEFT - _RIGHT
    xs = [x for line in lines for x, _ in line.points] + ([budget] if budget else [])
    ys = [y for line in lines for _, y in line.points]
    x = alt.X(
        "x:Q",
        title="likely cost in US dollars",
        scale=alt.Scale(type="log", domain=[min(xs), max(xs)], nice=False),
        axis=alt.Axis(
            values=_list_powers(min(xs), max(xs)),
            labelExpr="format(datum.value, datum.value < 1 ? '$.2f' : '$,d')",
            grid=False,
        ),
    )
    y = alt.Y(
        "y:Q",
        title=None,
        scale=alt.Scale(type="log", domain=[min(ys) * 0.9, max(ys) * 1.1], nice=False),
        axis=alt.Axis(values=_list_steps(min(ys), max(ys)), format="~r", labelPadding=8),
    )
    layers = _draw_budget(alt, budget, x) if budget else []
    factor = (max(ys) / min(ys)) ** (_LINE_HEIGHT / _HEIGHT)
    ends = _spread([line.points[-1][1] for line in lines], factor)
    for number, (line, end) in enumerate(zip(lines, ends, strict=True)):
        layers += _draw_line(alt, line, number, x, y, end, inner)
    return (
        alt.layer(*layers)
        .properties(
            width=inner,
            height=_HEIGHT,
            background="transparent",
            padding={"left": _LEFT, "right": _RIGHT, "top": _TOP, "bottom": _BOTTOM},
            autosize=alt.AutoSizeParams(type="none"),
        )
        .configure(**CONFIG)
    )


def _draw_line(  # noqa: PLR0913 - altair, a line, and where it stands
    alt: Any,  # noqa: ANN401
    line: Line,
    number: int,
    x: Any,  # noqa: ANN401
    y: Any,  # noqa: ANN401
    end: float,
    width: int,
) -> list[Any]:
    color, dash = _COLORS[number % len(_COLORS)], _DASHES[number % len(_DASHES)]
    rows = [
        {"x": dollars, "y": gap, "tip": tip}
        for (dollars, gap), tip in zip(line.points, line.tips, strict=True)
    ]
    base = alt.Chart(alt.Data(values=rows))
    drawn = base.mark_line(color=color, strokeWidth=2, strokeDash=dash, aria=False)
    dots = base.mark_point(size=26, fill=color, stroke=PAPER, strokeWidth=1, opacity=1)
    last = alt.Chart(alt.Data(values=[{"y": end}]))
    look = {"align": "left", "baseline": "middle", "dx": 6, "color": color, "aria": False}
    return [
        drawn.encode(x=x, y=y),
        dots.encode(x=x, y=y, description=alt.Description("tip:N")),
        last.mark_text(**look).encode(x=alt.value(width), y=y, text=alt.value(line.name)),
    ]


def _draw_budget(alt: Any, budget: float, x: Any) -> list[Any]:  # noqa: ANN401
    base = alt.Chart(alt.Data(values=[{"x": budget}]))
    look = {"align": "right", "baseline": "top", "dx": -5, "color": INK, "aria": False}
    text = alt.value(f"${budget:,.0f}" if budget >= 1 else f"${budget:.2f}")
    return [
        base.mark_rule(color=INK, strokeWidth=1.5).encode(x=x),
        base.mark_text(**look).encode(x=x, y=alt.value(0), text=text),
    ]


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
