"""Live views: the forecast of a run's end as it is shown and kept, with what was warned of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from estimator.forecast import CostRange
from pricing.money import Money, money_from_float
from runner.forecasting.live_result import LiveResult, LiveState
from runner.ledger import Balance
from runner.timing import TimeLeft

_LEVELS = (95, 80, 50)  # percent of the cap, of which is warned once each
_LEAST_DRIFT = 0.01  # of the end of the approved range
_LARGEST_FIGURE = 1e12  # US dollars, or calls
_AMOUNTS = ("likely", "q01", "q05", "q95", "q99")


@dataclass(frozen=True, slots=True)
class LiveView:
    """The forecast of a run's end as of a moment; pointwise: each by itself holds 90 %.

    Attributes:
        at: the moment, as ISO 8601 in UTC.
        state: whether it holds.
        settled, in_flight, left: calls; those in flight are left as well.
        likely, q01, q05, q95, q99: of the whole cost at the end, in US dollars; before it holds,
            the forecast from before the run; None where there is no range.
        over_cap: the probability that the cap does not pay for all of it; None as above.
        not_asked: calls that a sequential test left out; none of these figures counts them.
        next_look: after how many queries it may end more, which they do not foresee; None where
            there is no test, or only its last look is to come.
        time_left: how long the rest takes, without pauses; None where that is too early to say.
    """

    at: str
    state: LiveState
    settled: int
    in_flight: int
    left: float
    likely: float | None = None
    q01: float | None = None
    q05: float | None = None
    q95: float | None = None
    q99: float | None = None
    over_cap: float | None = None
    not_asked: float = 0.0
    next_look: int | None = None
    time_left: TimeLeft | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; money as decimal strings of US dollars."""
        return {
            "at": self.at,
            "state": self.state.value,
            "settled": self.settled,
            "in_flight": self.in_flight,
            "left": round(self.left, 1),
            **{f"{name}_usd": _write_dollars(getattr(self, name)) for name in _AMOUNTS},
            "over_cap": None if self.over_cap is None else round(self.over_cap, 4),
            "not_asked": round(self.not_asked, 1),
            "next_look_at": self.next_look,
            "hours_left": self.time_left and self.time_left.to_json(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> LiveView | None:
        """Read what `to_json` returned; None where it is something else."""
        try:
            return cls(
                at=str(data["at"]),
                state=LiveState(data["state"]),
                settled=int(data["settled"]),
                in_flight=int(data["in_flight"]),
                left=_check_finite(float(data["left"])),
                **{name: _read_figure(data.get(f"{name}_usd")) for name in _AMOUNTS},
                over_cap=_read_figure(data.get("over_cap")),
                not_asked=_read_figure(data.get("not_asked")) or 0.0,
                next_look=_read_count(data.get("next_look_at")),
                time_left=TimeLeft.from_json(data.get("hours_left")),
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Warned:
    """A warning that is given once.

    Attributes:
        key: names what it is about; also what it is about besides, which is not warned of later.
        text: for people.
    """

    key: str
    text: str
    also: tuple[str, ...] = ()


def view_result(
    result: LiveResult, at: str, before: CostRange, balance: Balance, paid: Money
) -> LiveView:
    """Return how a live forecast is shown.

    Args:
        result: of the forecast.
        at: when, as ISO 8601 in UTC.
        before: the forecast of the whole from before the run.
        balance: of the ledger.
        paid: what the plan's calls were billed; the ledger may have had others.
    """
    view = LiveView(
        at,
        result.state,
        result.settled,
        result.in_flight,
        result.left,
        not_asked=result.not_asked,
    )
    # Once something is left out, the forecast of the whole says nothing of the rest.
    if result.state is LiveState.EARLY and not result.not_asked:
        return replace(view, likely=before.mean, q05=before.q05, q95=before.q95)
    if result.cost is None:
        return view
    others = balance.settled.as_float - paid.as_float + balance.held.as_float
    quantile = result.cost.quantile
    return replace(
        view,
        likely=result.cost.mean,
        q01=quantile(0.01),
        q05=quantile(0.05),
        q95=quantile(0.95),
        q99=quantile(0.99),
        over_cap=result.cost.chance_above(balance.cap.as_float - others),
    )


def list_warnings(
    view: LiveView, approved: CostRange, balance: Balance, *, is_cheaper: bool = False
) -> list[Warned]:
    """Return what is to be warned of: a drift out of the approved range, and how full the cap is.

    A drift by the 98 % band: over a whole run it is a false alarm about one time in ten. One of
    less than 1 % is none: where `max_tokens` cuts off all answers, ranges are nearly points. That
    what a sequential test left out makes a run cheaper is no drift, nor are batches of what was
    planned as calls.

    Args:
        view: of now.
        approved: the forecast that was approved.
        balance: of the ledger.
        is_cheaper: whether some requests were asked for at a lower price than planned.
    """
    found = []
    if view.q01 is not None and view.q01 > approved.q95 * (1 + _LEAST_DRIFT):
        found.append(_warn_of_drift(view, approved, "more"))
    is_whole = not view.not_asked and not is_cheaper
    if is_whole and view.q99 is not None and view.q99 < approved.q05 * (1 - _LEAST_DRIFT):
        found.append(_warn_of_drift(view, approved, "less"))
    spent, cap = balance.settled + balance.held, balance.cap
    for level in _LEVELS:
        if cap and spent.pico * 100 >= level * cap.pico:
            keys = tuple(f"{each} % of {cap}" for each in _LEVELS if each <= level)
            found.append(Warned(keys[0], f"{level}% of the cap {cap} is spent: {spent}", keys))
            break
    return found


def _warn_of_drift(view: LiveView, approved: CostRange, side: str) -> Warned:
    text = (
        f"this run will cost {side} than its plan says: likely {_dollars(view.likely)} at the end, "
        f"{_dollars(view.q05)} – {_dollars(view.q95)}; the plan's 90% range is "
        f"{_dollars(approved.q05)} – {_dollars(approved.q95)}"
    )
    # A plan made meanwhile, on a pilot, has another range: a drift out of it is another.
    return Warned(f"drift: {side} than {approved.q05:.12g} to {approved.q95:.12g}", text)


def _dollars(amount: float | None) -> str:
    return str(money_from_float(amount or 0.0))


def _write_dollars(amount: float | None) -> str | None:
    return None if amount is None else money_from_float(amount).to_decimal_string()


def _read_figure(value: Any) -> float | None:  # noqa: ANN401 - of a file
    return None if value is None else _check_finite(float(value))


def _read_count(value: Any) -> int | None:  # noqa: ANN401 - of a file
    return None if value is None else int(_check_finite(float(value)))


def _check_finite(value: float) -> float:
    """Return a figure; raise ValueError for one that no forecast wrote."""
    if not abs(value) <= _LARGEST_FIGURE:
        raise ValueError(f"{value} is no figure of a run")
    return value
