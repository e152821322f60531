"""The result of a live forecast: whether it holds, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runner.forecasting.live_cost import LiveCost


class LiveState(StrEnum):
    """Whether there is a live forecast."""

    EARLY = "early"  # too early: the forecast from before the run stands
    HOLDS = "holds"
    ENDING = "ending"  # most of what is left is in flight
    DONE = "done"  # nothing is left


@dataclass(frozen=True, slots=True)
class LiveResult:
    """The forecast of a run's end.

    Attributes:
        state: whether it holds.
        cost: at the end; None unless it holds, or nothing is left.
        settled, in_flight, left: calls; those in flight are left as well.
    """

    state: LiveState
    cost: LiveCost | None
    settled: int
    in_flight: int
    left: float
