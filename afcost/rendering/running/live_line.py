"""The forecast of a run's end in a line, shorter than 80 columns."""

from __future__ import annotations

from afcost.rendering.console import format_dollars
from afcost.rendering.durations import format_duration, format_range
from runner.forecasting import LiveState, LiveView
from runner.ledger import Balance

_LEAST_SHOWN, _FEW = 0.001, 0.1  # of a probability; below `_FEW` with a decimal


def describe_live(view: LiveView, balance: Balance) -> str:
    """Return what a run will have cost at its end, as far as that can be said.

    Args:
        view: the forecast.
        balance: of the ledger now.
    """
    match view.state:
        case LiveState.DONE:
            return "at the end: nothing is left to pay for"
        case LiveState.ENDING:
            most = balance.settled + balance.held + balance.reserved + balance.aside
            return f"at the end: nearly there, at most {most} with what is in flight"
        case LiveState.EARLY if view.q95 is None:
            return "at the end: too early to say"
        case LiveState.EARLY:
            return f"at the end: too early to say; the plan says {_format_range(view)} (90%)"
    likely = format_dollars(view.likely or 0.0)
    over = "" if view.over_cap is None else f", {describe_chance(view.over_cap)} over cap"
    return f"at the end: likely {likely}, 90% {_format_range(view)} (pointwise){over}"


def describe_time_left(view: LiveView) -> str:
    """Return how long the rest of a run takes, as far as that can be said."""
    if (left := view.time_left) is None:
        return "time left: too early to say"
    return f"time left: likely {format_duration(left.likely)}, 90% {format_range(left)}"


def describe_looks(view: LiveView) -> list[str]:
    """Return what a sequential test does to the forecast of the end, each shorter than 80 columns.

    Nothing where there is no test, or only its last look is to come.
    """
    lines = []
    if view.not_asked:
        number = f"About {view.not_asked:,.0f} requests are not asked"
        lines.append(f"{number}: the gaps of their models are shown")
    if view.next_look is not None:
        what = "what is left" if view.not_asked else "the whole run"
        lines.append(
            f"The forecast is of {what}; the look after {view.next_look:,} queries may end it"
        )
    return lines


def describe_chance(chance: float) -> str:
    """Return a probability in percent."""
    if chance < _LEAST_SHOWN:
        return "< 0.1%"
    if chance > 1 - _LEAST_SHOWN:
        return "> 99.9%"
    places = 1 if chance < _FEW else 0
    return f"{chance * 100:.{places}f}%"


def _format_range(view: LiveView) -> str:
    return f"{format_dollars(view.q05 or 0.0)} – {format_dollars(view.q95 or 0.0)}"
