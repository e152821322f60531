"""Pilots of which the truth is known: how often the forecast's 90 % range holds what it came to.

A trial draws the strata of a run, the queries of their pilots, and their samples; forecasts the
whole run from the pilots; and compares that with what the run costs. Three naive forecasts are made
from the same draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from benchmarks.forecast_trials.lengths import PRICES, UNLIMITED, Lengths, list_calls
from estimator.forecast.measured_calls import measure_stratum
from estimator.forecast.pooling import MeasuredStratum, PooledCost, pool_costs

Ints = NDArray[np.int64]
QUANTILES = (0.05, 0.50, 0.95)


@dataclass(frozen=True)
class Cell:
    """What a trial is made of.

    Attributes:
        strata: how many.
        k: queries of each pilot.
        samples: of each query, in the pilot as in the run.
        is_shared: whether the pilots of all strata have the same queries.
    """

    strata: int
    k: int
    samples: int
    is_shared: bool

    @property
    def target(self) -> tuple[float, float]:
        """What the coverage of its 90 % ranges must lie between."""
        return (0.85, 0.95) if self.k <= 5 else (0.87, 0.93)


@dataclass
class Score:
    """How often ranges held, and how wide they were in shares of the likely cost."""

    held: list[bool] = field(default_factory=list)
    above: list[bool] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)

    def add(self, low: float, likely: float, high: float, actual: float) -> None:
        """Note a range beside what it came to."""
        self.held.append(low <= actual <= high)
        self.above.append(actual > high)
        self.widths.append((high - low) / likely)

    @property
    def cover(self) -> float:
        """How often the actual cost was inside."""
        return fmean(self.held)

    @property
    def over(self) -> float:
        """How often it was above."""
        return fmean(self.above)

    @property
    def width(self) -> float:
        """How wide the ranges were."""
        return fmean(self.widths)


@dataclass(frozen=True)
class Trial:
    """A run with its pilots.

    Attributes:
        lengths: of all calls of the run.
        pilots: the queries of each stratum's pilot.
    """

    lengths: Lengths
    pilots: tuple[Ints, ...]

    @property
    def actual(self) -> float:
        """What the run costs, in US dollars."""
        return float(self.lengths.tokens.sum()) * PRICES.output

    @property
    def paid(self) -> float:
        """What the pilots cost."""
        tokens = zip(self.lengths.tokens, self.pilots, strict=True)
        return float(sum(each[chosen].sum() for each, chosen in tokens)) * PRICES.output

    def measure(self) -> list[MeasuredStratum]:
        """Return what the pilots say of their strata."""
        _, queries, samples = self.lengths.tokens.shape
        wanted = np.full(queries, float(samples))
        return [
            measure_stratum(
                list_calls(np.repeat(chosen, samples), tokens[chosen].ravel()),
                wanted,
                UNLIMITED,
                PRICES,
                self.lengths.shape,
            )
            for tokens, chosen in zip(self.lengths.tokens, self.pilots, strict=True)
        ]

    def measure_calls_apart(self) -> list[MeasuredStratum]:
        """Return what is naively said of them: each call as if it were of a query of its own."""
        _, queries, samples = self.lengths.tokens.shape
        wanted = np.ones(queries * samples)
        every = np.arange(samples)
        return [
            measure_stratum(
                list_calls((chosen[:, None] * samples + every).ravel(), tokens[chosen].ravel()),
                wanted,
                UNLIMITED,
                PRICES,
                self.lengths.shape,
            )
            for tokens, chosen in zip(self.lengths.tokens, self.pilots, strict=True)
        ]


Forecast = Callable[[Trial], PooledCost]


def forecast_pooled(trial: Trial) -> PooledCost:
    """Forecast a run as afcost does."""
    return pool_costs(trial.measure(), trial.paid)


def forecast_apart(trial: Trial) -> PooledCost:
    """Forecast it naively: as if no two strata had a query in common."""
    return pool_costs(_set_apart(trial.measure()), trial.paid)


def forecast_calls_apart(trial: Trial) -> PooledCost:
    """Forecast it naively: as if several samples of a query told as much as other queries."""
    return pool_costs(trial.measure_calls_apart(), trial.paid)


FORECASTS: dict[str, Forecast] = {
    "afcost": forecast_pooled,
    "strata apart": forecast_apart,
    "calls apart": forecast_calls_apart,
}


def _set_apart(strata: Sequence[MeasuredStratum]) -> list[MeasuredStratum]:
    """Return strata under other numbers of queries, so that they share none."""
    most = max(int(each.queries.max()) for each in strata) + 1
    return [
        replace(each, queries=each.queries + number * most) for number, each in enumerate(strata)
    ]


def draw_trial(lengths: Lengths, cell: Cell, rng: np.random.Generator) -> Trial:
    """Draw the strata of a run, their pilots, and their samples."""
    strata, queries, _ = lengths.tokens.shape
    run = lengths.choose(rng.permutation(strata)[: cell.strata], cell.samples, rng)
    if cell.is_shared:
        pilots = (rng.permutation(queries)[: cell.k],) * cell.strata
    else:
        pilots = tuple(rng.permutation(queries)[: cell.k] for _ in range(cell.strata))
    return Trial(run, pilots)


def score_cell(lengths: Lengths, cell: Cell, draws: int, seed: int) -> dict[str, Score]:
    """Return how the forecasts did in many trials, by their names."""
    key = [seed, cell.strata, cell.k, cell.samples, cell.is_shared]
    rng, scores = np.random.default_rng(key), {name: Score() for name in FORECASTS}
    for _ in range(draws):
        trial = draw_trial(lengths, cell, rng)
        for name, forecast in FORECASTS.items():
            if name == "calls apart" and cell.samples == 1:
                continue  # it is the same
            found = forecast(trial)
            low, likely, high = (found.quantile(p) for p in QUANTILES)
            scores[name].add(low, likely, high, trial.actual)
    return scores


@dataclass(frozen=True)
class LimitCell:
    """A history of longer answers than the run allows.

    Attributes:
        limit: `max_tokens` of the run, in means of the answers of the history.
        k: queries of the history.
    """

    limit: float
    k: int


def score_limit(lengths: Lengths, cell: LimitCell, draws: int, seed: int) -> tuple[Score, Score]:
    """Return how it does to clip each answer, and to clip the mean, in many trials of a stratum."""
    rng = np.random.default_rng([seed, round(cell.limit * 100), cell.k])
    each, mean_only = Score(), Score()
    for _ in range(draws):
        stratum = int(rng.integers(lengths.tokens.shape[0]))
        tokens = lengths.choose(np.array([stratum]), 1, rng).tokens[0, :, 0]
        order = rng.permutation(len(tokens))
        known, run = order[: cell.k], order[cell.k :]
        limit = max(int(tokens.mean() * cell.limit), 1)
        actual = float(np.minimum(tokens[run], limit).sum()) * PRICES.output
        wanted = np.zeros(len(tokens))
        wanted[run] = 1
        calls = list_calls(known, tokens[known], "history")

        def forecast(most: int, wanted: NDArray[np.float64] = wanted, calls=calls) -> PooledCost:  # noqa: ANN001
            shape = lengths.shape
            return pool_costs([measure_stratum(calls, wanted, most, PRICES, shape)])

        top = len(run) * limit * PRICES.output
        clipped, whole = forecast(limit), forecast(UNLIMITED)
        each.add(*(min(clipped.quantile(p), top) for p in QUANTILES), actual)
        mean_only.add(*(min(whole.quantile(p), top) for p in QUANTILES), actual)
    return each, mean_only
