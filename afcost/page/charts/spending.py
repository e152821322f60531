"""Spending over time under the cap, with what the end is forecast to come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict

from afcost.page.charts.chart import BAND, CONFIG, INK, MARK, MUTED, NARROW, PAPER, Chart
from afcost.page.charts.spending_axes import Axes, ExpectedCost, Moment, Spending
from afcost.page.charts.vega import Spec, lay_out, make_layer, show_value

__all__ = ["ExpectedCost", "Moment", "draw_spending"]

_PADDING = {"left": 44, "top": 10, "bottom": 40}
_WIDE, _HEIGHT, _NARROW_HEIGHT = 940, 230, 210  # pixels
_RANGE_AT = 9  # pixels to the right of the plot
_TEXTS_AT_LEFT = 0.3  # from this share of the axis on, a text stands left of its point
_LEFT: Spec = {"align": "left", "baseline": "middle", "aria": False}


def draw_spending(  # noqa: PLR0913 - a chart has these
    moments: Sequence[Moment],
    *,
    cap: float | None,
    write: Callable[[float], str],
    end: ExpectedCost | None = None,
    until: float | None = None,
    pauses: Sequence[tuple[float, str]] = (),
) -> Chart:
    """Return the chart: what was billed, held and reserved, under the cap.

    Args:
        moments: oldest first, one at least.
        cap: in US dollars; None where none is approved.
        write: how an amount is written.
        end: the forecast; without its `seconds` a range at the right, with them a fan from the last
            moment to that one.
        until: the right end of the axis, in seconds; by default the last moment or the forecast's.
        pauses: where time was cut out, in seconds on the axis, with what is written there.
    """
    shown = Spending(tuple(moments), cap, write, end, until, tuple(pauses))
    wide, narrow = _lay_out(shown, _WIDE, _HEIGHT), _lay_out(shown, NARROW, _NARROW_HEIGHT)
    return Chart("spending", shown.describe(), [asdict(each) for each in moments], wide, narrow)


def _lay_out(shown: Spending, width: int, height: int) -> Spec:
    is_narrow = height == _NARROW_HEIGHT
    padding = _PADDING | {"right": 88 if is_narrow else 104}
    axes = Axes(shown, width - padding["left"] - padding["right"], is_narrow=is_narrow)
    layers = [*_draw_money(axes), *_draw_pauses(axes), *_draw_cap(axes)]
    layers += _draw_fan(axes) if shown.has_fan else _draw_range(axes)
    return lay_out(
        layers,
        width=axes.width,
        height=height,
        padding=padding,
        config=CONFIG,
        values=[_make_datum(axes, each) for each in shown.moments],
    )


def _make_datum(axes: Axes, moment: Moment) -> dict[str, object]:
    sure = moment.settled + moment.held
    return {
        "time": axes.time(moment.seconds),
        "settled": moment.settled,
        "sure": sure,
        "all": sure + moment.reserved,
    }


def _draw_money(axes: Axes) -> list[Spec]:
    """Return what was billed as a line, what is held and what is reserved above it as areas."""
    step: Spec = {"interpolate": "step-after", "aria": False}

    def between(low: str, high: str) -> dict[str, Spec]:
        return {"x": axes.x(), "y": axes.y(low), "y2": {"field": high}}

    drawn = [make_layer("area", between("sure", "all"), color=BAND, opacity=0.55, **step)]
    if axes.shown.shows_held:
        held = make_layer("area", between("settled", "sure"), color=MARK, opacity=0.5, **step)
        drawn.append(held)
    line = {"x": axes.x(), "y": axes.y("settled")}
    return [*drawn, make_layer("line", line, color=INK, strokeWidth=2, **step)]


def _draw_pauses(axes: Axes) -> list[Spec]:
    """Return a line where time was cut out; its text is the pointer's tip."""
    values = [
        {"at": axes.time(seconds), "said": text, "zero": 0} for seconds, text in axes.shown.pauses
    ]
    if not values:
        return []
    tip = {"field": "said", "type": "nominal"}
    look: Spec = {"color": MUTED, "strokeDash": [2, 3], "strokeWidth": 1.5}
    return [make_layer("rule", {"x": axes.x("at"), "description": tip}, values=values, **look)]


def _draw_cap(axes: Axes) -> list[Spec]:
    """Return the line of the cap; its text is beside it, or above it where money is near to it."""
    cap = axes.shown.cap
    if cap is None:
        return []
    values, y = [{"cap": cap}], axes.y("cap")
    is_clear = axes.shown.has_fan or (
        axes.has_room(cap, [axes.shown.last.settled]) and not _is_beside_range(axes, cap)
    )
    look: Spec = {"dx": 6, **_LEFT} if is_clear else {"dy": -5, "align": "right", "aria": False}
    said = show_value(f"cap {axes.shown.write(cap)}")
    text = {"x": show_value(axes.width), "y": y, "text": said}
    rule = make_layer("rule", {"y": y}, values=values, color=INK, strokeWidth=1.5, aria=False)
    return [rule, make_layer("text", text, values=values, color=INK, **look)]


def _is_beside_range(axes: Axes, cap: float) -> bool:
    """Return whether the bar of the forecast stands where the text of the cap would."""
    end = axes.shown.end
    return end is not None and (end.low <= cap <= end.high or not axes.has_room(cap, [end.low]))


def _draw_range(axes: Axes) -> list[Spec]:
    """Return the last moment's point, and the forecast's range beside it, right of the plot."""
    spent = [{"spent": axes.shown.last.settled}]
    look: Spec = {"fill": INK, "stroke": PAPER, "strokeWidth": 2, "size": 90, "opacity": 1}
    bold: Spec = {"color": INK, "fontWeight": 600, "dx": 20, **_LEFT}
    at = {"x": show_value(axes.width + _RANGE_AT), "y": axes.y("spent")}
    point = at | {"description": show_value(_tell_spent(axes.shown))}
    text = at | {
        "x": show_value(axes.width),
        "text": show_value(axes.shown.write(axes.shown.last.settled)),
    }
    return [
        *_draw_forecast(axes),
        make_layer("point", point, values=spent, **look),
        make_layer("text", text, values=spent, **bold),
    ]


def _draw_forecast(axes: Axes) -> list[Spec]:
    shown, end = axes.shown, axes.shown.end
    if end is None:
        return []
    values = [{"low": end.low, "high": end.high}]
    ends = {
        "x": show_value(axes.width + _RANGE_AT),
        "y": axes.y("low"),
        "y2": {"field": "high"},
        "description": show_value(f"forecast of the whole: {shown.describe_end()}"),
    }
    drawn = [make_layer("rule", ends, values=values, color=BAND, strokeWidth=8)]
    if axes.has_room(end.high, [shown.last.settled, shown.cap or 0.0]):
        look: Spec = {"color": MUTED, "fontSize": 12, "dx": 20, **_LEFT}
        text = {"x": show_value(axes.width), "y": axes.y("high"), "text": show_value("forecast")}
        drawn.append(make_layer("text", text, values=values, **look))
    return drawn


def _tell_spent(shown: Spending) -> str:
    return f"spent {shown.write(shown.last.settled)}"


def _draw_fan(axes: Axes) -> list[Spec]:
    """Return the last moment's point, and a fan from it to the forecast of the end."""
    shown, end, last = axes.shown, axes.shown.end, axes.shown.last
    if end is None or end.seconds is None:
        return []
    start, finish = axes.time(last.seconds), axes.time(end.seconds)
    fan = [
        {"time": start, "low": last.settled, "high": last.settled, "likely": last.settled},
        {"time": finish, "low": end.low, "high": end.high, "likely": end.likely},
    ]
    area = {"x": axes.x(), "y": axes.y("low"), "y2": {"field": "high"}}
    line = {"x": axes.x(), "y": axes.y("likely")}
    at_end = {
        "x": axes.x(),
        "y": axes.y("likely"),
        "text": show_value(f"~{shown.write(end.likely)}"),
    }
    is_late = last.seconds > shown.far * _TEXTS_AT_LEFT
    now = {"x": axes.x(), "y": axes.y("settled")}
    side: Spec = {"align": "right", "dx": -10} if is_late else {"align": "left", "dx": 10}
    bold: Spec = {"color": INK, "fontWeight": 600, "aria": False}
    told = {"text": show_value(shown.write(last.settled))}
    point = {"description": show_value(_tell_spent(shown))}
    look: Spec = {"fill": INK, "stroke": PAPER, "strokeWidth": 2, "size": 110, "opacity": 1}
    here = [_make_datum(axes, last)]
    return [
        make_layer("area", area, values=fan, color=BAND, opacity=0.55, aria=False),
        make_layer("line", line, values=fan, color=MUTED, strokeDash=[3, 3], aria=False),
        make_layer("text", at_end, values=fan[1:], align="left", dx=6, **bold),
        make_layer("point", now | point, values=here, **look),
        make_layer("text", now | told, values=here, dy=-9, **side, **bold),
    ]
