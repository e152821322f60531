"""Range outcomes: a forecast beside what it came to, and which of its ranges held."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from estimator.forecast.stratum import CostRange
from pricing.money import Money

LEVELS = {50: ("q25", "q75"), 90: ("q05", "q95"), 95: ("q025", "q975")}  # in percent -> its ends
MIXED = "mixed"
_ENDS = ("q025", "q05", "q25", "q50", "q75", "q95", "q975")


@dataclass(frozen=True, slots=True)
class RangeOutcome:
    """A forecast of a cost, and the actual cost.

    Attributes:
        basis: what the forecast rested on; `mixed` where its strata rested on several.
        quantiles: name -> US dollars; `q05`, `q50`, `q95`, and the others that the plan has.
        actual: what it came to.
        mean: of the forecast, in US dollars; None in what earlier versions kept.
    """

    basis: str
    quantiles: Mapping[str, float]
    actual: Money
    mean: float | None = None

    @property
    def likely(self) -> float:
        """The likely cost, as plans say it: the mean; where that was not kept, the median."""
        return self.quantiles["q50"] if self.mean is None else self.mean

    @property
    def has_range(self) -> bool:
        """Whether the forecast says more than one figure; what is free can only be as forecast."""
        return self.quantiles["q95"] > self.quantiles["q05"]

    def is_inside(self, level: int) -> bool | None:
        """Return whether the actual cost is in the range of so many percent; None without one."""
        low, high = (self.quantiles.get(name) for name in LEVELS[level])
        if low is None or high is None:
            return None
        return low <= self.actual.as_float <= high

    def list_levels(self) -> dict[str, bool]:
        """Return the levels that the forecast has -> whether the range of each held."""
        found = {str(level): self.is_inside(level) for level in LEVELS}
        return {level: inside for level, inside in found.items() if inside is not None}


def compare_with_range(planned: CostRange, actual: Money, basis: str) -> RangeOutcome:
    """Return a planned cost beside what it came to."""
    found = {name: getattr(planned, name, None) for name in _ENDS}
    quantiles = {name: q for name, q in found.items() if q is not None}
    return RangeOutcome(basis, quantiles, actual, planned.mean)


def join_bases(bases: Collection[str]) -> str:
    """Return the basis of a sum of strata: theirs if all have the same one, else `mixed`."""
    known = set(bases)
    return known.pop() if len(known) == 1 else MIXED
