"""Runs with calls in flight: how often the forecast of the end holds while they go on.

Calls are sent in a random order of queries, all first samples before any second, a fixed number
at a time; how long a call takes follows how long its answer is. What has finished is short.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.forecast_trials.lengths import PRICES, UNLIMITED, Lengths, list_calls
from benchmarks.forecast_trials.pilots import QUANTILES, Score
from benchmarks.forecast_trials.priors import find_prior
from estimator.forecast import CostRange, PooledCost, pool_costs
from estimator.forecast.measured_calls import measure_stratum
from estimator.workload import StratumKey
from pricing.money import Money
from runner.forecasting import LiveCost, LiveForecast, LiveState, LiveStratum

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SHARES = (0.1, 0.2, 0.33, 0.5, 0.67, 0.8, 0.9, 0.95)  # of the calls settled


@dataclass(frozen=True)
class LiveCell:
    """What a live trial is made of: strata, calls in flight, samples of each query."""

    strata: int
    in_flight: int
    samples: int = 3


@dataclass(frozen=True)
class Calls:
    """All calls of a run, in the order in which they are sent; arrays of shape (N,).

    Attributes:
        stratum, query, tokens: what each is of, and how long its answer is.
        sent, finished: when, in seconds.
    """

    stratum: Ints
    query: Ints
    tokens: Ints
    sent: Floats
    finished: Floats


@dataclass(frozen=True)
class State:
    """A run at some moment: what is known of its calls by then."""

    calls: Calls
    now: float

    @property
    def settled(self) -> NDArray[np.bool_]:
        """Which calls have finished."""
        return self.calls.finished <= self.now


def send_calls(run: Lengths, cell: LiveCell, rng: np.random.Generator) -> Calls:
    """Draw the order of a run's calls, and how long each takes."""
    order = _draw_order(cell.strata, run.tokens.shape[1], cell.samples, rng)
    stratum, query, sample = order.T
    tokens = run.tokens[stratum, query, sample]
    speed = rng.lognormal(4.2, 0.4, size=cell.strata)[stratum]  # about 70 tokens a second
    takes = 0.6 + tokens / speed * rng.lognormal(0, 0.2, size=len(tokens))
    sent, finished = _follow(takes, cell.in_flight)
    return Calls(stratum, query, tokens, sent, finished)


def _draw_order(strata: int, queries: int, samples: int, rng: np.random.Generator) -> Ints:
    """Return (stratum, query, sample) of all calls: each query in all strata, in random order."""
    rows = [
        (stratum, query, sample)
        for sample in range(samples)
        for query in rng.permutation(queries)
        for stratum in rng.permutation(strata)
    ]
    return np.array(rows)


def _follow(takes: Floats, in_flight: int) -> tuple[Floats, Floats]:
    """Return when each call is sent and finishes, with so many in flight."""
    sent = np.zeros(len(takes))
    open_: list[float] = []
    for number, seconds in enumerate(takes):
        at = heapq.heappop(open_) if len(open_) == in_flight else 0.0
        sent[number] = at
        heapq.heappush(open_, at + seconds)
    return sent, sent + takes


def list_states(calls: Calls) -> Iterator[State]:
    """Return the run at each share of settled calls."""
    ends = np.sort(calls.finished)
    return (State(calls, float(ends[int(share * len(ends)) - 1])) for share in SHARES)


class FollowedRun:
    """A run as afcost follows it: told of each call as it is sent and as it finishes.

    Args:
        calls: of the run.
        lengths: of its strata.
        samples: of each query.
    """

    def __init__(self, calls: Calls, lengths: Lengths, samples: int) -> None:
        self._calls = calls
        queries = lengths.tokens.shape[1]
        self._keys = [StratumKey("subject", name, str(n)) for n, name in enumerate(lengths.names)]
        self._forecast = LiveForecast(
            {
                key: LiveStratum(
                    wanted=np.full(queries, float(samples)),
                    shape=lengths.shape,
                    known=0.0,
                    before=_forecast_before(key.model, queries * samples),
                )
                for key in self._keys
            }
        )
        sent = [(at, 1, each) for each, at in enumerate(calls.sent)]
        finished = [(at, 0, each) for each, at in enumerate(calls.finished)]
        self._events = iter(sorted([*sent, *finished]))
        self._next: tuple[float, int, int] | None = next(self._events)

    def forecast(self, now: float) -> LiveCost | None:
        """Return the forecast of the end by now; None where none is shown."""
        while self._next is not None and self._next[0] <= now:
            self._tell(*self._next)
            self._next = next(self._events, None)
        paid = float(self._calls.tokens[self._calls.finished <= now].sum()) * PRICES.output
        found = self._forecast.forecast(now, paid)
        return found.cost if found.state is LiveState.HOLDS else None

    def _tell(self, at: float, begins: int, each: int) -> None:
        calls = self._calls
        if begins:
            key = self._keys[int(calls.stratum[each])]
            self._forecast.begin(str(each), key, int(calls.query[each]), at)
        else:
            self._forecast.finish(str(each), at, float(calls.tokens[each]) * PRICES.output)


def _forecast_before(model: str, calls: int) -> CostRange:
    """Return what the prior says of a stratum, in US dollars."""
    prior, each = find_prior(model), calls * PRICES.output
    q05, q50, q95 = (prior.quantile(p) * each for p in QUANTILES)
    return CostRange(prior.mean * each, q05, q50, q95, ceiling=Money())


def forecast_by_settled(lengths: Lengths, state: State) -> PooledCost:
    """Forecast the end naively: from all calls that have finished."""
    calls, queries = state.calls, lengths.tokens.shape[1]
    measured = []
    for number in range(len(lengths.names)):
        of = calls.stratum == number
        done, open_ = of & state.settled, of & ~state.settled
        if done.any() and open_.any():
            billed = list_calls(calls.query[done], calls.tokens[done])
            wanted = np.bincount(calls.query[of], minlength=queries).astype(float)
            measured.append(measure_stratum(billed, wanted, UNLIMITED, PRICES, lengths.shape))
    paid = float(calls.tokens[state.settled].sum()) * PRICES.output
    return pool_costs(measured, paid)


def score_live(
    lengths: Lengths, cell: LiveCell, draws: int, seed: int
) -> dict[float, dict[str, Score]]:
    """Return how the forecasts did in many runs, by the share settled, where afcost has one."""
    rng = np.random.default_rng([seed, cell.strata, cell.in_flight, cell.samples])
    scores = {share: {"afcost": Score(), "all settled": Score()} for share in SHARES}
    for _ in range(draws):
        run = _draw_run(lengths, cell, rng)
        calls = send_calls(run, cell, rng)
        followed = FollowedRun(calls, run, cell.samples)
        actual = float(calls.tokens.sum()) * PRICES.output
        for share, state in zip(SHARES, list_states(calls), strict=True):
            found = followed.forecast(state.now)
            if found is None:
                continue
            naive = forecast_by_settled(run, state)
            scores[share]["afcost"].add(*(found.quantile(p) for p in QUANTILES), actual)
            scores[share]["all settled"].add(*(naive.quantile(p) for p in QUANTILES), actual)
    return scores


def _draw_run(lengths: Lengths, cell: LiveCell, rng: np.random.Generator) -> Lengths:
    chosen = rng.permutation(lengths.tokens.shape[0])[: cell.strata]
    return lengths.choose(chosen, cell.samples, rng)
