"""The layers of a chart of rows: ranges, intervals, points, names and texts, from back to front."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from afcost.page.charts.chart import BAND, CONFIG, INK, MUTED, PAPER
from afcost.page.charts.labels import choose_labels, write_tick
from afcost.page.charts.vega import Spec, lay_out, make_layer, show_field, show_text, show_value

_TOP, _AXIS_HEIGHT, _SIDES_HEIGHT = 4, 22, 18  # pixels
_INDENT = 12  # of names below a heading
_OWN_COLOR = show_text("color", scale=None)
_TIP = show_text("tip")

Datum = Mapping[str, object]


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


def lay_out_dots(rows: Sequence[Datum], scale: Scale, margins: Margins, width: int) -> Spec:
    """Return a chart of rows, each as `Row.to_datum` gives it.

    Args:
        rows: from top to bottom.
        scale: that they share.
        margins: at the left and the right of the plot.
        width: of all of it, in pixels.
    """
    canvas = _Canvas(rows, scale, margins, width - margins.left - margins.right)
    parts: list[Callable[[_Canvas], list[Spec]]] = [
        _draw_zero,
        _draw_intervals,
        _draw_references,
        _draw_points,
        _write_names,
        _write_texts,
        _write_sides,
    ]
    bottom = _AXIS_HEIGHT + (_SIDES_HEIGHT if scale.sides else 0)
    return lay_out(
        [layer for part in parts for layer in part(canvas)],
        width=canvas.width,
        height=canvas.height,
        padding={"left": margins.left, "right": margins.right, "top": _TOP, "bottom": bottom},
        config=CONFIG,
        values=rows,
    )


@dataclass(frozen=True, slots=True)
class _Canvas:
    """What all layers of one drawing share: its data and its axes."""

    rows: Sequence[Datum]
    scale: Scale
    margins: Margins
    width: int

    @property
    def height(self) -> int:
        return self.margins.step * len(self.rows)

    @property
    def y(self) -> Spec:
        """The row of a datum."""
        band = {"domain": list(range(len(self.rows))), "type": "band", "padding": 0}
        return {"field": "id", "type": "ordinal", "axis": None, "sort": None, "scale": band}

    @property
    def labels(self) -> list[float]:
        """The ticks that are labelled, the one at the line among them."""
        scale = self.scale
        return choose_labels(
            scale.ticks, lambda tick: write_tick(tick, scale.form), self._place, scale.zero
        )

    def _place(self, value: float) -> float:
        """Return where a value is, in pixels from the left."""
        scale = self.scale
        low, high, at = (math.log(x) if scale.is_log else x for x in (scale.low, scale.high, value))
        return (at - low) / (high - low) * self.width

    def x(self, name: str) -> Spec:
        """Return the place of a field on the axis."""
        scale = self.scale
        zero = f"datum.value == 0 && '{scale.form}' == '+d' ? '0' : "
        written = f"({zero}format(datum.value, '{scale.form}'))"
        shown = f"indexof({self.labels}, datum.value) >= 0"
        axis = {
            "values": list(scale.ticks),
            "labelPadding": 4,
            "labelFlush": False,
            "labelExpr": f"{shown} ? {written} : ''",
        }
        kind = "log" if scale.is_log else "linear"
        ends: Spec = {"domain": [scale.low, scale.high], "nice": False, "type": kind}
        if not scale.is_log:
            ends["zero"] = False
        return show_field(name, scale=ends, title=None, axis=axis)

    def has(self, name: str) -> bool:
        return any(row.get(name) not in (None, "") for row in self.rows)


def _having(name: str) -> str:
    return f"isValid(datum.{name})"


def _draw_zero(canvas: _Canvas) -> list[Spec]:
    if canvas.scale.zero is None:
        return []
    values = [{"zero": canvas.scale.zero}]
    return [make_layer("rule", {"x": canvas.x("zero")}, values=values, color=MUTED, strokeWidth=1)]


def _draw_intervals(canvas: _Canvas) -> list[Spec]:
    drawn = []
    kinds: tuple[tuple[str, str, Spec], ...] = (
        ("range_low", "range_high", {"strokeWidth": 8, "strokeCap": "butt", "color": BAND}),
        ("low", "high", {"strokeWidth": 2, "strokeCap": "round"}),
        ("inner_low", "inner_high", {"strokeWidth": 6, "strokeCap": "butt"}),
    )
    for low, high, look in kinds:
        if canvas.has(low):
            channels = {"y": canvas.y, "x": canvas.x(low), "x2": {"field": high}}
            channels["description"] = _TIP
            if "color" not in look:
                channels["color"] = _OWN_COLOR
            drawn.append(make_layer("rule", channels, where=_having(low), **look))
    return drawn


def _draw_references(canvas: _Canvas) -> list[Spec]:
    if not canvas.has("reference"):
        return []
    look: Spec = {"shape": "diamond", "size": 70, "stroke": MUTED, "strokeWidth": 1.5}
    channels = {"y": canvas.y, "x": canvas.x("reference")}
    channels["description"] = show_text("reference_tip")
    where = _having("reference")
    return [make_layer("point", channels, where=where, fill=PAPER, opacity=1, **look)]


def _draw_points(canvas: _Canvas) -> list[Spec]:
    if not canvas.has("value"):
        return []
    at, where = {"y": canvas.y, "x": canvas.x("value")}, _having("value")
    look: Spec = {"size": 62, "opacity": 1.0}
    own = {"stroke": _OWN_COLOR, "fill": show_text("fill", scale=None), "description": _TIP}
    # A rim, so that a point stands out on a range.
    rim = make_layer("point", at, where=where, stroke=PAPER, strokeWidth=5, aria=False, **look)
    point = make_layer("point", at | own, where=where, strokeWidth=2, fillOpacity=1, **look)
    return [rim, point]


def _write_names(canvas: _Canvas) -> list[Spec]:
    left = -canvas.margins.left
    look: Spec = {"align": "left", "baseline": "middle", "aria": False, "color": INK}
    has_headings = any(row["heading"] for row in canvas.rows)
    indent = _INDENT if has_headings else 0
    name = {"y": canvas.y, "text": show_text("name")}
    names = name | {"x": show_value(left + indent)}
    drawn = [make_layer("text", names, where="!datum.heading", **look)]
    halos: tuple[Spec, ...] = ({"stroke": PAPER, "strokeWidth": 6}, {})
    for halo in halos if has_headings else ():  # no grid line crosses a heading
        bold: Spec = {"fontWeight": 600} | look | halo
        at = name | {"x": show_value(left)}
        drawn.append(make_layer("text", at, where="datum.heading", **bold))
    return drawn


def _write_texts(canvas: _Canvas) -> list[Spec]:
    if not canvas.has("text"):
        return []
    look: Spec = {"color": INK, "baseline": "middle", "align": "right", "aria": False}
    right = show_value(canvas.width + canvas.margins.right)
    return [make_layer("text", {"y": canvas.y, "x": right, "text": show_text("text")}, **look)]


def _write_sides(canvas: _Canvas) -> list[Spec]:
    drawn = []
    values = [{"zero": canvas.scale.zero or 0}]
    below = show_value(canvas.height + _AXIS_HEIGHT + 2)
    ends = zip(canvas.scale.sides or (), ("right", "left"), (-6, 6), strict=False)
    for text, align, shift in ends:
        look: Spec = {"color": MUTED, "fontSize": 12, "align": align, "dx": shift}
        channels = {"x": canvas.x("zero"), "y": below, "text": show_value(text)}
        drawn.append(
            make_layer("text", channels, values=values, baseline="top", aria=False, **look)
        )
    return drawn
