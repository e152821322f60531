"""Runs with calls in flight: how often the forecast of the end holds while they go on.

Calls are sent in a random order of queries, all first samples before any second, a fixed number
at a time; how long a call takes follows how long its answer is. What has finished is short.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.forecast_trials.lengths import PRICES, UNLIMITED, Lengths, list_calls
from benchmarks.forecast_trials.pilots import QUANTILES, Score
from estimator.forecast.measured_calls import measure_stratum
from estimator.forecast.pooled_cost import MeasuredStratum, PooledCost, pool_costs

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

    @property
    def in_flight(self) -> NDArray[np.bool_]:
        """Which calls were sent and have not finished."""
        return (self.calls.sent <= self.now) & ~self.settled

    @property
    def is_shown(self) -> bool:
        """Whether enough has settled for a forecast, and enough is left."""
        flying = int(self.in_flight.sum())
        return int(self.settled.sum()) >= 5 * flying and flying <= int((~self.settled).sum()) / 2


def send_calls(lengths: Lengths, cell: LiveCell, rng: np.random.Generator) -> Calls:
    """Draw a run: its strata, the order of its calls, and how long each takes."""
    strata, queries, _ = lengths.tokens.shape
    run = lengths.choose(rng.permutation(strata)[: cell.strata], cell.samples, rng)
    order = _draw_order(cell.strata, queries, cell.samples, rng)
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


LiveForecast = Callable[[Lengths, LiveCell, State], PooledCost | None]


def forecast_by_send_time(lengths: Lengths, cell: LiveCell, state: State) -> PooledCost | None:
    """Forecast the end from the calls that were sent longer ago than any call has taken."""
    calls, now = state.calls, state.now
    takes = np.minimum(calls.finished, now) - calls.sent
    longest = float(takes[calls.sent <= now].max())
    return _forecast(lengths, cell, state, calls.sent < now - longest, under_way=True)


def forecast_by_settled(lengths: Lengths, cell: LiveCell, state: State) -> PooledCost | None:
    """Forecast it naively: from all calls that have finished."""
    return _forecast(lengths, cell, state, state.settled, under_way=False)


FORECASTS: dict[str, LiveForecast] = {
    "afcost": forecast_by_send_time,
    "all settled": forecast_by_settled,
}


def _forecast(
    lengths: Lengths,
    cell: LiveCell,
    state: State,
    counted: NDArray[np.bool_],
    *,
    under_way: bool,
) -> PooledCost | None:
    calls, measured = state.calls, []
    queries = lengths.tokens.shape[1]
    for number in range(cell.strata):
        of = calls.stratum == number
        chosen = of & counted
        left = np.bincount(calls.query[of & ~state.settled], minlength=queries).astype(float)
        if left.sum() == 0:
            continue
        if not chosen.any():
            return None
        billed = list_calls(calls.query[chosen], calls.tokens[chosen])
        wanted = left + np.bincount(calls.query[chosen], minlength=queries)
        stratum = measure_stratum(billed, wanted, UNLIMITED, PRICES, lengths.shape)
        if under_way:
            stratum = _add_under_way(stratum, state, of, billed.output * PRICES.output)
        measured.append(stratum)
    paid = float(calls.tokens[state.settled].sum()) * PRICES.output
    return pool_costs(measured, paid)


def _add_under_way(
    stratum: MeasuredStratum, state: State, of: NDArray[np.bool_], costs: Floats
) -> MeasuredStratum:
    """Return a stratum with what its calls in flight are expected to cost above the mean."""
    calls, done = state.calls, of & state.settled
    takes = float((calls.finished - calls.sent)[done].sum())
    rate = float(calls.tokens[done].sum()) / takes * PRICES.output
    mean = float(costs.mean())
    more = 0.0
    for elapsed in state.now - calls.sent[of & state.in_flight]:
        so_far = elapsed * rate / mean
        longer = costs[costs / mean > so_far] / mean
        more += (float(longer.sum()) + so_far + 1) / (len(longer) + 1) - 1
    return replace(stratum, under_way=more * mean)


def score_live(
    lengths: Lengths, cell: LiveCell, draws: int, seed: int
) -> dict[float, dict[str, Score]]:
    """Return how the forecasts did in many runs, by the share settled, where they are shown."""
    rng = np.random.default_rng([seed, cell.strata, cell.in_flight, cell.samples])
    scores: dict[float, dict[str, Score]] = {
        share: {name: Score() for name in FORECASTS} for share in SHARES
    }
    for _ in range(draws):
        calls = send_calls(lengths, cell, rng)
        actual = float(calls.tokens.sum()) * PRICES.output
        for share, state in zip(SHARES, list_states(calls), strict=True):
            if not state.is_shown:
                continue
            for name, forecast in FORECASTS.items():
                found = forecast(lengths, cell, state)
                if found is not None:
                    low, likely, high = (found.quantile(p) for p in QUANTILES)
                    scores[share][name].add(low, likely, high, actual)
    return scores
