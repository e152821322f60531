"""The result of a live forecast: whether it holds, and what a run will have cost at its end.

Strata with calls that count are pooled; of the others what was forecast before the run stands. The
two groups are independent of each other: their deviations from the mean add in squares.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import NormalDist

from estimator.forecast import CostRange, PooledCost
from estimator.workload import StratumKey

_NORMAL = NormalDist()
_Z95 = _NORMAL.inv_cdf(0.95)
_STEPS = 60  # of halving, to find a probability


@dataclass(frozen=True, slots=True)
class PriorCost:
    """What was forecast before the run of calls of which none was measured, in US dollars."""

    mean: float = 0.0
    q05: float = 0.0
    q50: float = 0.0
    q95: float = 0.0

    @classmethod
    def sum_parts(cls, parts: Iterable[tuple[CostRange, float]]) -> PriorCost:
        """Return the sum of parts of forecasts, which err in the same direction.

        Args:
            parts: each a forecast, and the share of its calls that are left.
        """
        found = list(parts)

        def add(name: str) -> float:
            return math.fsum(getattr(cost, name) * share for cost, share in found)

        return cls(add("mean"), add("q05"), add("q50"), add("q95"))

    def quantile(self, p: float) -> float:
        """Return a quantile, log-normal on either side of the median."""
        if min(self.q05, self.q50, self.q95) <= 0:
            return self.q50
        z = _NORMAL.inv_cdf(p)
        far = self.q95 / self.q50 if z > 0 else self.q50 / self.q05
        return self.q50 * float(far ** (z / _Z95))


@dataclass(frozen=True, slots=True)
class LiveCost:
    """What a run will have cost at its end, in US dollars.

    Attributes:
        pooled: of strata with calls that count; what is paid, and known, is in it.
        prior: of the others.
    """

    pooled: PooledCost
    prior: PriorCost = PriorCost()

    @property
    def mean(self) -> float:
        """What it costs on average."""
        return self.pooled.certain + self.pooled.mean + self.prior.mean

    def quantile(self, p: float) -> float:
        """Return a quantile of it."""
        if self.prior.mean <= 0:
            return self.pooled.quantile(p)
        measured = self.pooled.quantile(p) - self.pooled.certain - self.pooled.mean
        squares = _square(measured) + _square(self.prior.quantile(p) - self.prior.mean)
        return self.mean + math.copysign(math.sqrt(abs(squares)), squares)

    def chance_above(self, amount: float) -> float:
        """Return the probability that it costs more than an amount."""
        if self.prior.mean <= 0:
            return self.pooled.chance_above(amount)
        low, high = 1e-6, 1 - 1e-6
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.quantile(middle) <= amount else (low, middle)
        return 1 - low


def _square(deviation: float) -> float:
    return deviation * abs(deviation)


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
        not_asked: calls of models that were stopped, and of judges about them; none is left.
        rest: stratum -> how many of its calls are left.
    """

    state: LiveState
    cost: LiveCost | None
    settled: int
    in_flight: int
    left: float
    not_asked: float = 0.0
    rest: Mapping[StratumKey, float] = field(default_factory=dict)
