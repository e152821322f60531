"""What a chart of spending shows: the money at each moment, the cap, and the forecast."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from afcost.page.charts.ticks import find_dollar_form, find_ticks
from afcost.page.charts.vega import Spec, show_field

_HEADROOM = 1.08  # above the highest of cap and forecast
_SEEN = 0.005  # of the axis: less held money than that cannot be seen
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_UNITS = ((_DAY, "days"), (_HOUR, "hours"), (_MINUTE, "minutes"), (1, "seconds"))
_ENOUGH_UNITS = 3  # on an axis
_APART = 0.07  # of the axis: two texts that are nearer than that overlap


@dataclass(frozen=True, slots=True)
class Moment:
    """The money at a moment, in US dollars.

    Attributes:
        seconds: since the first.
        settled: billed.
        held: sent, and of an unknown outcome.
        reserved: for requests under way.
    """

    seconds: float
    settled: float
    held: float
    reserved: float


@dataclass(frozen=True, slots=True)
class ExpectedCost:
    """What all of it is forecast to cost, in US dollars.

    Attributes:
        low, likely, high: the 90 % range and the mean.
        seconds: when that is reached, on the axis of the moments; None for a range at the right,
            without a fan that leads to it.
    """

    low: float
    likely: float
    high: float
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Spending:
    """What is drawn; see `draw_spending`."""

    moments: tuple[Moment, ...]
    cap: float | None
    write: Callable[[float], str]
    end: ExpectedCost | None
    until: float | None
    pauses: tuple[tuple[float, str], ...]

    @property
    def last(self) -> Moment:
        """The newest moment."""
        return self.moments[-1]

    @property
    def has_fan(self) -> bool:
        """Whether a fan leads to the forecast."""
        return self.end is not None and self.end.seconds is not None

    @property
    def far(self) -> float:
        """The right end of the axis, in seconds."""
        reached = (self.end and self.end.seconds) or 0.0
        return self.until or max(self.last.seconds, reached, 1.0)

    @property
    def unit(self) -> tuple[int, str]:
        """The seconds and the name of the axis's unit: the largest of which there are several."""
        return next((each for each in _UNITS if self.far >= _ENOUGH_UNITS * each[0]), _UNITS[-1])

    @property
    def top(self) -> float:
        """The highest amount that is shown."""
        spent = max(each.settled + each.held + each.reserved for each in self.moments)
        return max(self.cap or 0.0, self.end.high if self.end else 0.0, spent, 1e-9)

    @property
    def shows_held(self) -> bool:
        """Whether enough is held to be seen."""
        return max(each.held for each in self.moments) > _SEEN * self.top

    def describe(self) -> str:
        """Say all that the chart shows."""
        seconds, unit = self.unit
        text = (
            f"Spent {self.write(self.last.settled)} and held {self.write(self.last.held)} "
            f"after {self.last.seconds / seconds:.0f} {unit}"
        )
        if self.cap is not None:
            text += f", under the cap of {self.write(self.cap)}"
        if self.end:
            text += f". Forecast of the whole: {self.describe_end()}"
        return text + "."

    def describe_end(self) -> str:
        """Say the forecast's range."""
        if self.end is None:
            return ""
        low, high, likely = map(self.write, (self.end.low, self.end.high, self.end.likely))
        return f"{low} to {high} (90% range), likely {likely}"


class Axes:
    """The two axes of a drawing, and how many pixels its plot has."""

    def __init__(self, shown: Spending, width: int, *, is_narrow: bool) -> None:
        self.width = width
        self.shown = shown
        self._end = shown.far / shown.unit[0]
        self._times = find_ticks(0, self._end, most=5 if is_narrow else 10)
        self._dollars = find_ticks(0, shown.top, most=5)

    def x(self, name: str = "time") -> Spec:
        """Return the horizontal channel of a field, in the axis's unit."""
        ticks = [each for each in self._times if each <= self._end]
        axis = {"values": ticks, "grid": False, "labelPadding": 6, "labelFlush": False}
        title = self.shown.unit[1]
        return show_field(name, scale=_scale(self._end), title=title, axis=axis)

    def y(self, name: str) -> Spec:
        """Return the vertical channel of a field, in US dollars."""
        ticks = [each for each in self._dollars if each <= self.shown.top * _HEADROOM]
        axis = {"values": ticks, "format": find_dollar_form(ticks), "labelPadding": 8}
        return show_field(name, scale=_scale(self.shown.top * _HEADROOM), title=None, axis=axis)

    def time(self, seconds: float) -> float:
        """Return seconds in the axis's unit."""
        return seconds / self.shown.unit[0]

    def has_room(self, amount: float, others: Sequence[float]) -> bool:
        """Return whether a text at an amount is clear of those at other ones."""
        return all(abs(amount - each) > _APART * self.shown.top for each in others)


def _scale(end: float) -> Spec:
    return {"domain": [0, end], "nice": False, "zero": False}
