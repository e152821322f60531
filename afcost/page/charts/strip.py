"""What was spent, on one line from nothing to the cap, with the forecast's range."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from afcost.page.charts.chart import (
    BAND,
    CONFIG,
    HAIR,
    INK,
    MARK,
    MUTED,
    NARROW,
    PAPER,
    Chart,
)
from afcost.page.charts.vega import Spec, lay_out, make_layer, show_field, show_value

_HEIGHT, _LINE = 78, 46  # pixels; where the line is
_WIDE = 440
_PADDING = {"left": 8, "right": 8, "top": 0, "bottom": 0}
_FAR = 4.0  # a cap this many times above all else is drawn at the end of a broken line
_LETTER = 7.2  # pixels of an average letter
_SEEN = 0.005  # of the line: less held money cannot be seen
_BREAK_AT, _BREAK = 0.86, 0.02  # shares of the line


@dataclass(frozen=True, slots=True)
class SpentMoney:
    """A run's money beside its forecast, in US dollars.

    Attributes:
        spent: billed.
        held: sent, and of an unknown outcome.
        cap: approved; None where nothing is.
        low, likely, high: what it was forecast to cost: the 90 % range and the mean.
    """

    spent: float
    held: float
    cap: float | None
    low: float
    likely: float
    high: float


def draw_strip(money: SpentMoney, *, write: Callable[[float], str]) -> Chart:
    """Return the chart.

    Args:
        money: what it shows.
        write: how an amount is written.
    """
    wide, narrow = (_lay_out(_Line(money, write, width)) for width in (_WIDE, NARROW))
    return Chart("spent-of-cap", _describe(money, write), [asdict(money)], wide, narrow)


def _describe(money: SpentMoney, write: Callable[[float], str]) -> str:
    cap = "" if money.cap is None else f" of the cap of {write(money.cap)}"
    held = f", and {write(money.held)} held" if money.held else ""
    return (
        f"Spent {write(money.spent)}{cap}{held}; the forecast's 90% range is "
        f"{write(money.low)} to {write(money.high)}, likely {write(money.likely)}."
    )


class _Line:
    """The line of one drawing: where amounts are on it, and which texts have room."""

    def __init__(self, money: SpentMoney, write: Callable[[float], str], width: int) -> None:
        self.money, self.write = money, write
        self.width = width - _PADDING["left"] - _PADDING["right"]
        self.most = max(money.spent + money.held, money.high, 1e-9)
        self.is_broken = money.cap is not None and money.cap > _FAR * self.most
        if self.is_broken:
            self.end = self.most / (_BREAK_AT - 2 * _BREAK)
        else:
            self.end = max(self.most, money.cap or 0.0)

    def x(self, name: str) -> Spec:
        """Return the horizontal channel of a field."""
        scale = {"domain": [0, self.end], "nice": False, "zero": False}
        return show_field(name, scale=scale, axis=None)

    def place(self, amount: float) -> float:
        """Return where an amount is on the line, in dollars: the cap may be beyond a break."""
        return min(amount, self.end)

    def fit(self, amount: float, text: str) -> float:
        """Return where a text that is centred at an amount stands whole, in dollars."""
        half = len(text) * _LETTER / 2 / self.width * self.end
        return max(half, min(amount, self.end - half)) if 2 * half < self.end else self.end / 2


def _lay_out(line: _Line) -> Spec:
    layers = [
        *_draw_line(line),
        *_draw_range(line),
        *_draw_money(line),
        *_draw_cap(line),
        *_write_texts(line),
    ]
    return lay_out(
        layers, width=line.width, height=_HEIGHT, padding=_PADDING, config=CONFIG, values=[{}]
    )


def _draw_rule(line: _Line, ends: Sequence[float], said: str = "", **look: object) -> Spec:
    """Return a piece of the line."""
    channels = {"x": line.x("from"), "x2": {"field": "to"}, "y": show_value(_LINE)}
    if said:
        channels["description"] = show_value(said)
    else:
        look["aria"] = False
    return _make(channels, "rule", {"from": ends[0], "to": ends[1]}, look)


def _make(
    channels: dict[str, Spec], mark: str, datum: dict[str, float], look: dict[str, object]
) -> Spec:
    layer = make_layer(mark, channels, values=[datum])
    layer["mark"] |= look
    return layer


def _draw_tick(line: _Line, amount: float, size: int, color: str, thickness: float) -> Spec:
    look = {"orient": "vertical", "size": size, "color": color, "thickness": thickness}
    channels = {"x": line.x("at"), "y": show_value(_LINE)}
    return _make(channels, "tick", {"at": line.place(amount)}, look | {"aria": False})


def _draw_line(line: _Line) -> list[Spec]:
    """Return the pale line to the cap; one that is far away stands beyond a gap in it."""
    look: Spec = {"color": HAIR, "strokeWidth": 1}
    if not line.is_broken:
        return [_draw_rule(line, (0, line.end), **look)]
    gap = [line.end * (_BREAK_AT + sign * _BREAK) for sign in (-1, 1)]
    pieces = [_draw_rule(line, ends, **look) for ends in ((0, gap[0]), (gap[1], line.end))]
    return [*pieces, *(_draw_slash(line, at) for at in gap)]


def _draw_slash(line: _Line, at: float) -> Spec:
    channels = {"x": line.x("at"), "y": show_value(_LINE), "text": show_value("/")}
    look: Spec = {"color": MUTED, "baseline": "middle", "align": "center", "aria": False}
    return _make(channels, "text", {"at": at}, look)


def _draw_range(line: _Line) -> list[Spec]:
    money, write = line.money, line.write
    said = (
        f"forecast, 90% range: {write(money.low)} to {write(money.high)}, "
        f"likely {write(money.likely)}"
    )
    ends = (money.low, money.high)
    return [
        _draw_rule(line, ends, said, color=BAND, strokeWidth=10, strokeCap="butt"),
        _draw_tick(line, money.likely, 18, MUTED, 1.5),
    ]


def _draw_money(line: _Line) -> list[Spec]:
    """Return what is spent, what is held beyond it, and the point between the two."""
    money, drawn = line.money, []
    if money.held > _SEEN * line.end:
        said = f"held {line.write(money.held)}: sent, and of an unknown outcome"
        ends = (money.spent, money.spent + money.held)
        drawn.append(_draw_rule(line, ends, said, color=MARK, strokeWidth=3, strokeCap="butt"))
    drawn.append(_draw_rule(line, (0, money.spent), color=INK, strokeWidth=3, strokeCap="butt"))
    channels = {"x": line.x("at"), "y": show_value(_LINE)}
    channels["description"] = show_value(f"spent {line.write(money.spent)}")
    look: Spec = {"fill": INK, "stroke": PAPER, "strokeWidth": 2, "size": 130, "opacity": 1}
    return [*drawn, _make(channels, "point", {"at": money.spent}, look)]


def _draw_cap(line: _Line) -> list[Spec]:
    return [] if line.money.cap is None else [_draw_tick(line, line.money.cap, 34, INK, 2)]


def _write_texts(line: _Line) -> list[Spec]:
    """Return the texts: spent and cap above the line, the forecast below it."""
    money, write = line.money, line.write
    spent = f"spent {write(money.spent)}"
    forecast = f"forecast {write(money.low)} – {write(money.high)}"
    middle = (money.low + money.high) / 2
    texts = [
        _write(line, line.fit(money.spent, spent), spent, 28, color=INK, fontWeight=600),
        _write(line, line.fit(middle, forecast), forecast, 74, color=MUTED),
    ]
    if money.cap is not None:
        cap = f"cap {write(money.cap)}"
        at = line.fit(line.place(money.cap), cap)
        texts.append(_write(line, at, cap, 13 if _overlap(line, at, cap, spent) else 28, color=INK))
    return texts


def _overlap(line: _Line, at: float, text: str, other: str) -> bool:
    """Return whether a text would run into that of what is spent."""
    letters = (len(text) + len(other)) / 2 + 2
    apart = abs(at - line.fit(line.money.spent, other)) / line.end * line.width
    return apart < letters * _LETTER


def _write(line: _Line, at: float, text: str, y: int, **look: object) -> Spec:
    channels = {"x": line.x("at"), "y": show_value(y), "text": show_value(text)}
    shape = {"align": "center", "baseline": "bottom", "aria": False} | look
    return _make(channels, "text", {"at": at}, shape)
