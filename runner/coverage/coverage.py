"""Coverage: how often the 90 % range held, with what chance alone would make of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from estimator.forecast import RangeOutcome
from runner.coverage.finished_run import FinishedRun

LEVEL = 90  # percent
_ORDER = ("assumed", "prior", "history", "pilot", "mixed")


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often ranges of a level held.

    Attributes:
        basis: what the forecasts rested on; empty for all of them.
        count: how many forecasts with what they came to.
        inside, below, above: how many came to what is in the range, less, or more.
        low, high: the 95 % interval of the share inside, after Clopper and Pearson.
        ratio: the median of the actual cost in shares of the likely one; None where that is zero.
    """

    basis: str
    count: int
    inside: int
    below: int
    above: int
    low: float
    high: float
    ratio: float | None

    @property
    def share(self) -> float:
        """How often the range held."""
        return self.inside / self.count

    @property
    def finding(self) -> str:
        """What that says of ranges of 90 %: `narrow`, `wide`, or `agrees`."""
        if self.high < LEVEL / 100:
            return "narrow"
        return "wide" if self.low > LEVEL / 100 else "agrees"


@dataclass(frozen=True, slots=True)
class CoverageSummary:
    """How often the 90 % ranges of finished runs held.

    Attributes:
        runs: of their totals: over all, or None without any run.
        by_basis: the same, by what the forecasts rested on.
        strata: of their strata, by basis. Those of one run are not independent.
    """

    runs: Coverage | None
    by_basis: tuple[Coverage, ...]
    strata: tuple[Coverage, ...]


def sum_up_runs(runs: Sequence[FinishedRun]) -> CoverageSummary:
    """Return how often the ranges of finished runs held."""
    totals = [run.total for run in runs]
    strata = [each.outcome for run in runs for each in run.strata if each.outcome.has_range]
    return CoverageSummary(
        runs=_count("", totals) if totals else None,
        by_basis=tuple(_count_by_basis(totals)),
        strata=tuple(_count_by_basis(strata)),
    )


def _count_by_basis(outcomes: Iterable[RangeOutcome]) -> Iterable[Coverage]:
    by_basis: dict[str, list[RangeOutcome]] = {}
    for each in outcomes:
        by_basis.setdefault(each.basis, []).append(each)
    ordered = dict.fromkeys([*(each for each in _ORDER if each in by_basis), *sorted(by_basis)])
    return (_count(basis, by_basis[basis]) for basis in ordered)


def _count(basis: str, outcomes: Sequence[RangeOutcome]) -> Coverage:
    inside = sum(each.is_inside(LEVEL) is True for each in outcomes)
    above = sum(each.actual.as_float > each.quantiles["q95"] for each in outcomes)
    low, high = find_share_interval(inside, len(outcomes))
    ratios = [each.actual.as_float / each.likely for each in outcomes if each.likely]
    return Coverage(
        basis=basis,
        count=len(outcomes),
        inside=inside,
        below=len(outcomes) - inside - above,
        above=above,
        low=low,
        high=high,
        ratio=median(ratios) if ratios else None,
    )


def find_share_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, after Clopper and Pearson (1934): never too short."""
    from scipy.special import betaincinv  # noqa: PLC0415 - a fifth of a second

    failures = trials - successes
    low = float(betaincinv(successes, failures + 1, 0.025)) if successes else 0.0
    high = float(betaincinv(successes + 1, failures, 0.975)) if failures else 1.0
    return low, high
