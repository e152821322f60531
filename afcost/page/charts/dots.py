"""Rows of points with intervals: nearly all charts of a page are this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from afcost.page.charts.chart import (
    BAND,
    CONFIG,
    INK,
    MUTED,
    NARROW,
    PAPER,
    WIDE,
    Chart,
    load_altair,
)

_TOP, _AXIS_HEIGHT, _SIDES_HEIGHT = 4, 22, 18  # pixels
_INDENT = 12  # of names below a heading


@dataclass(frozen=True, slots=True)
class Row:
    """A row; what is None is not drawn.

    Attributes:
        name: at the left.
        is_heading: only the name is shown, in bold.
        value: of the point.
        low, high: of its interval.
        inner_low, inner_high: of a thicker line on it.
        range_low, range_high: of a pale range behind all.
        reference: of a hollow diamond.
        text: at the right.
        tip: what the pointer's tip says, in lines.
        reference_tip: the same, of the diamond.
        color: of the point and its interval.
        is_hollow: the point is a ring.
    """

    name: str
    is_heading: bool = False
    value: float | None = None
    low: float | None = None
    high: float | None = None
    inner_low: float | None = None
    inner_high: float | None = None
    range_low: float | None = None
    range_high: float | None = None
    reference: float | None = None
    text: str = ""
    tip: str = ""
    reference_tip: str = ""
    color: str = INK
    is_hollow: bool = False

    def to_datum(self, number: int) -> dict[str, object]:
        """Return it as Vega reads it, without what is not drawn."""
        names = (each for each in self.__slots__ if each not in ("is_heading", "is_hollow"))
        drawn = {name: getattr(self, name) for name in names}
        return {name: value for name, value in drawn.items() if value is not None} | {
            "id": number,
            "fill": PAPER if self.is_hollow else self.color,
            "heading": self.is_heading,
        }

    def to_data(self) -> dict[str, object]:
        """Return the figures behind it, for a file."""
        names = (each for each in self.__slots__ if each not in ("color", "is_hollow", "tip"))
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis that rows share.

    Attributes:
        low, high: its ends.
        ticks: where it is labelled.
        form: of its labels, as d3-format writes it: `.0%`, `+d`, `$.2f`.
        zero: where a line is drawn from top to bottom; None for none.
        is_log: it is logarithmic.
        sides: what is written at the left and the right of `zero`.
    """

    low: float
    high: float
    ticks: Sequence[float]
    form: str
    zero: float | None = None
    is_log: bool = False
    sides: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Margins:
    """The width of names and of texts, in pixels."""

    left: int = 96
    right: int = 60
    step: int = 24


def draw_dots(  # noqa: PLR0913 - a chart has these
    name: str,
    rows: Sequence[Row],
    scale: Scale,
    *,
    label: str = "",
    margins: Margins = Margins(),
    width: int = WIDE,
    narrow: Margins | None = None,
    narrow_rows: Sequence[Row] | None = None,
) -> Chart:
    """Return a chart of rows.

    Args:
        name: of its files.
        rows: from top to bottom.
        scale: that they share.
        label: what it shows, in sentences; by default what the tips say.
        margins: of the wide drawing.
        width: of all of it, in pixels.
        narrow: margins of a drawing for a phone; None for none where the wide one fits there.
        narrow_rows: what is drawn there, where it differs.
    """
    told = label or "; ".join(each.tip.replace("\n", ", ") for each in rows if each.tip)
    small = None
    if width > NARROW:
        small = _layer(narrow_rows or rows, scale, narrow or margins, NARROW)
    data = [each.to_data() for each in rows if not each.is_heading]
    return Chart(name, told, data, _layer(rows, scale, margins, width), small)


@dataclass(frozen=True, slots=True)
class _Canvas:
    """What all layers of one drawing share: altair, its data and its axes."""

    altair: Any
    base: Any
    scale: Scale
    margins: Margins
    width: int
    height: int
    rows: Sequence[Mapping[str, object]] = field(default=())

    def x(self, name: str) -> Any:  # noqa: ANN401 - altair's own types are made at run time
        alt, scale = self.altair, self.scale
        zero = f"datum.value == 0 && '{scale.form}' == '+d' ? '0' : "
        axis = alt.Axis(
            values=list(scale.ticks),
            labelPadding=4,
            labelFlush=False,
            labelExpr=f"{zero}format(datum.value, '{scale.form}')",
        )
        kind = "log" if scale.is_log else "linear"
        ends = alt.Scale(domain=[scale.low, scale.high], nice=False, zero=False, type=kind)
        return alt.X(f"{name}:Q", scale=ends, title=None, axis=axis)

    def having(self, name: str) -> Any:  # noqa: ANN401 - the same
        return self.base.transform_filter(f"isValid(datum.{name})")

    def has(self, name: str) -> bool:
        return any(row.get(name) not in (None, "") for row in self.rows)


def _layer(rows: Sequence[Row], scale: Scale, margins: Margins, width: int) -> Any:  # noqa: ANN401
    alt = load_altair()
    inner, height = width - margins.left - margins.right, margins.step * len(rows)
    data = [row.to_datum(number) for number, row in enumerate(rows)]
    band = alt.Scale(domain=list(range(len(rows))), paddingOuter=0, paddingInner=0, type="band")
    base = alt.Chart(alt.Data(values=data)).encode(
        y=alt.Y("id:O", axis=None, sort=None, scale=band)
    )
    canvas = _Canvas(alt, base, scale, margins, inner, height, data)
    parts: list[Callable[[_Canvas], list[Any]]] = [
        _draw_zero,
        _draw_intervals,
        _draw_references,
        _draw_points,
        _write_names,
        _write_texts,
        _write_sides,
    ]
    layers = [layer for part in parts for layer in part(canvas)]
    bottom = _AXIS_HEIGHT + (_SIDES_HEIGHT if scale.sides else 0)
    padding = {"left": margins.left, "right": margins.right, "top": _TOP, "bottom": bottom}
    return (
        alt.layer(*layers)
        .properties(
            width=inner,
            height=height,
            background="transparent",
            padding=padding,
            autosize=alt.AutoSizeParams(type="none"),  # else widths depend on the machine's fonts
        )
        .configure(**CONFIG)
    )


def _draw_zero(canvas: _Canvas) -> list[Any]:
    if canvas.scale.zero is None:
        return []
    data = canvas.altair.Data(values=[{"zero": canvas.scale.zero}])
    rule = canvas.altair.Chart(data).mark_rule(color=MUTED, strokeWidth=1)
    return [rule.encode(x=canvas.x("zero"))]


def _draw_intervals(canvas: _Canvas) -> list[Any]:
    alt, drawn = canvas.altair, []
    kinds = (
        ("range_low", "range_high", {"strokeWidth": 8, "strokeCap": "butt", "color": BAND}),
        ("low", "high", {"strokeWidth": 2, "strokeCap": "round"}),
        ("inner_low", "inner_high", {"strokeWidth": 6, "strokeCap": "butt"}),
    )
    for low, high, look in kinds:
        if canvas.has(low):
            line = canvas.having(low).mark_rule(**look)
            color = {} if "color" in look else {"color": alt.Color("color:N", scale=None)}
            x = {"x": canvas.x(low), "x2": f"{high}:Q"}
            drawn.append(line.encode(description=alt.Description("tip:N"), **x, **color))
    return drawn


def _draw_references(canvas: _Canvas) -> list[Any]:
    if not canvas.has("reference"):
        return []
    look = {"shape": "diamond", "size": 70, "stroke": MUTED, "strokeWidth": 1.5, "fill": PAPER}
    mark = canvas.having("reference").mark_point(opacity=1, **look)
    tip = canvas.altair.Description("reference_tip:N")
    return [mark.encode(x=canvas.x("reference"), description=tip)]


def _draw_points(canvas: _Canvas) -> list[Any]:
    if not canvas.has("value"):
        return []
    alt = canvas.altair
    with_value, x = canvas.having("value"), canvas.x("value")
    # A rim, so that a point stands out on a range.
    rim = with_value.mark_point(size=62, stroke=PAPER, strokeWidth=5, opacity=1, aria=False)
    point = with_value.mark_point(size=62, strokeWidth=2, opacity=1, fillOpacity=1).encode(
        x=x,
        stroke=alt.Stroke("color:N", scale=None),
        fill=alt.Fill("fill:N", scale=None),
        description=alt.Description("tip:N"),
    )
    return [rim.encode(x=x), point]


def _write_names(canvas: _Canvas) -> list[Any]:
    alt, left = canvas.altair, -canvas.margins.left
    look: dict[str, Any] = {"align": "left", "baseline": "middle", "aria": False, "color": INK}
    has_headings = any(row["heading"] for row in canvas.rows)
    names = canvas.base.transform_filter("!datum.heading").mark_text(**look)
    drawn = [names.encode(x=alt.value(left + (_INDENT if has_headings else 0)), text="name:N")]
    if has_headings:
        headings = canvas.base.transform_filter("datum.heading")
        for halo in ({"stroke": PAPER, "strokeWidth": 6}, {}):  # no grid line crosses a heading
            bold = headings.mark_text(fontWeight=600, **look, **halo)
            drawn.append(bold.encode(x=alt.value(left), text="name:N"))
    return drawn


def _write_texts(canvas: _Canvas) -> list[Any]:
    if not canvas.has("text"):
        return []
    look = {"color": INK, "baseline": "middle", "align": "right", "aria": False}
    right = canvas.altair.value(canvas.width + canvas.margins.right)
    return [canvas.base.mark_text(**look).encode(x=right, text="text:N")]


def _write_sides(canvas: _Canvas) -> list[Any]:
    alt, drawn = canvas.altair, []
    ends = zip(canvas.scale.sides or (), ("right", "left"), (-6, 6), strict=False)
    for text, align, shift in ends:
        data = alt.Data(values=[{"zero": canvas.scale.zero or 0}])
        look = {"color": MUTED, "fontSize": 12, "align": align, "dx": shift, "baseline": "top"}
        mark = alt.Chart(data).mark_text(aria=False, **look)
        below = alt.value(canvas.height + _AXIS_HEIGHT + 2)
        drawn.append(mark.encode(x=canvas.x("zero"), y=below, text=alt.value(text)))
    return drawn
