"""Pilots that stop by themselves: how many queries they ask, and whether their last range holds.

The course of `afcost pilot` decides, as it does in a run: it looks after every block, and ends once
the range of what is left is narrow enough or it has asked the most. All pilots are drawn for each
stratum by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean, quantiles

import numpy as np

from benchmarks.forecast_trials.billed_run import BilledTier, forecast_rest, price_rest
from benchmarks.forecast_trials.lengths import Lengths
from benchmarks.forecast_trials.pilots import QUANTILES, Ints, Score, Trial
from estimator.forecast import PooledCost, pool_costs
from pricing.money import Money
from runner.pilot.course import PilotCourse, PilotGoal
from runner.pilot.draw import PilotDraw
from runner.pilot.look import Look

Pilots = tuple[Ints, ...]  # the queries of each stratum


@dataclass
class StopScore(Score):
    """What pilots that stopped say.

    Attributes:
        asked: how many queries of each stratum, by pilot.
        narrow: whether its range was as narrow as was wanted.
    """

    asked: list[int] = field(default_factory=list)
    narrow: list[bool] = field(default_factory=list)

    def describe(self) -> str:
        """Return how many queries were asked, mean and quartiles, and how often that sufficed."""
        marks = " ".join(f"{each:4.0f}" for each in quantiles(self.asked, n=4))
        return f"{fmean(self.asked):6.1f} {marks} {fmean(self.narrow):7.3f}"


@dataclass(frozen=True)
class PilotedRun:
    """A run of which all is known, and the order in which a pilot asks.

    Attributes:
        orders: of the queries of each stratum.
        forecast: returns what the output that is left will cost, from pilots.
        price: returns what is certain: what pilots cost, and the prompts that they leave.
        actual: what all of the run costs.
    """

    orders: Pilots
    forecast: Callable[[Pilots], PooledCost]
    price: Callable[[Pilots], float]
    actual: float

    def add_pilot(self, goal: PilotGoal, score: StopScore) -> None:
        """Run a pilot until it stops, and note its last range beside what the run costs."""
        orders = tuple(order.tolist() for order in self.orders)
        course = PilotCourse(PilotDraw(orders), goal, lambda _: Money(), Money, self._look)
        while course.next_block():
            pass
        certain, left = self.price(self._choose(course.asked)), course.looks[-1].left
        score.add(*(certain + left.quantile(p) for p in QUANTILES if left), self.actual)
        score.asked.append(course.asked)
        score.narrow.append(course.looks[-1].is_within(goal.width))

    def _look(self, asked: int) -> Look:
        pilots = self._choose(asked)
        return Look(asked, asked * len(pilots), Money(), self.forecast(pilots))

    def _choose(self, asked: int) -> Pilots:
        return tuple(order[:asked] for order in self.orders)


def score_billed_stops(
    tiers: list[BilledTier], goal: PilotGoal, *, draws: int, seed: int
) -> StopScore:
    """Return how pilots of a billed run did: whether their last range held the billed total."""
    rng, score = np.random.default_rng([seed, round(100 * goal.width)]), StopScore()
    forecast, price = partial(forecast_rest, tiers), partial(price_rest, tiers)
    total = sum(float(tier.billed.sum()) for tier in tiers)
    for _ in range(draws):
        orders = tuple(rng.permutation(len(tier.output)) for tier in tiers)
        PilotedRun(orders, forecast, price, total).add_pilot(goal, score)
    return score


def score_stops(
    lengths: Lengths, strata: int, goal: PilotGoal, *, draws: int, seed: int
) -> StopScore:
    """Return how pilots of runs with so many strata did, one sample of each query."""
    rng, score = np.random.default_rng([seed, strata, round(100 * goal.width)]), StopScore()
    models, queries, _ = lengths.tokens.shape
    for _ in range(draws):
        run = lengths.choose(rng.permutation(models)[:strata], 1, rng)
        orders = tuple(rng.permutation(queries) for _ in range(strata))
        actual = Trial(run, orders).actual
        PilotedRun(
            orders, partial(_forecast_trial, run), partial(_price_trial, run), actual
        ).add_pilot(goal, score)
    return score


def _forecast_trial(run: Lengths, pilots: Pilots) -> PooledCost:
    return pool_costs(Trial(run, pilots).measure())


def _price_trial(run: Lengths, pilots: Pilots) -> float:
    return Trial(run, pilots).paid
