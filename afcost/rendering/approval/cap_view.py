"""A cap in words: what of it is left, and what that covers; the same for every approval."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from estimator.forecast import CostRange
from pricing.money import Money, money_from_float


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is left to be sent may cost.

    Attributes:
        likely: on average.
        ceiling: at most.
        very_likely: what it costs at most in 95 % of cases; None where that is not forecast.
        turns: how many an answer may have; all but the ceiling count one.
    """

    likely: Money
    ceiling: Money
    very_likely: Money | None = None
    turns: int = 1

    @classmethod
    def of(cls, cost: CostRange, turns: int) -> Self:
        """Return the outlook of a forecast of answers of so many turns."""
        return cls(money_from_float(cost.mean), cost.ceiling, money_from_float(cost.q95), turns)


def describe_cap(
    cap: Money, until: datetime | None, outlook: Outlook, spent: Money | None = None
) -> str:
    """Return in words what a cap covers of what is left to be sent.

    Args:
        cap: of the whole study.
        until: when the approval expires, if it does.
        outlook: of what is left.
        spent: by the study so far; None where it has no ledger yet.
    """
    ends = f"until {until:%Y-%m-%d %H:%M}" if until else "no expiry"
    if spent is None:
        return f"cap {cap}, {ends}: {_describe_coverage(cap, outlook)}"
    left = max(cap - spent, Money())
    if not outlook.ceiling:
        return f"cap {cap}, {ends}: {left} of it is left; nothing more is to be sent"
    if not left:
        return f"cap {cap}, {ends}: nothing of it is left, so nothing will be sent"
    return f"cap {cap}, {ends}: {left} of it is left; {_describe_coverage(left, outlook)}"


def _describe_coverage(left: Money, outlook: Outlook) -> str:
    if left >= outlook.ceiling:
        return "it covers the run, whatever the models answer"
    if left >= outlook.likely and outlook.turns > 1:
        return (
            f"it likely covers one turn of each answer; if up to {outlook.turns} cost more, the "
            "run stops with all conditions balanced"
        )
    if outlook.very_likely is not None and left >= outlook.very_likely:
        return "it very likely covers the run"
    if left >= outlook.likely:
        return "it likely covers the run; if not, the run stops with all conditions balanced"
    return "it is below the likely cost; the run will stop early with all conditions balanced"
