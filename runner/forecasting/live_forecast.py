"""The live forecast: what a run will have cost at its end, from its calls so far.

With several calls in flight the first to finish are the short ones. So only calls count that were
sent longer ago than any call has taken: all of those are finished. Of a call in flight it is known
that it has taken some time already, so it costs more than an average one. Below five settled calls
for each one in flight that does not hold yet, and the forecast from before the run stands; once
more than half of what is left is in flight, only what is spent and reserved says more.

Nothing here reads a clock, a file or a ledger: calls are told of as they begin and finish, in
seconds of any clock, and what they cost in US dollars of the part that varies.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from estimator.forecast import CostRange, LengthShape, MeasuredStratum, PooledCost, pool_costs
from estimator.workload import StratumKey
from runner.forecasting.live_cost import LiveCost, PriorCost
from runner.forecasting.live_result import LiveResult, LiveState

SETTLED_PER_FLIGHT = 5  # calls that must be settled for each one in flight
_MOST_IN_FLIGHT = 0.5  # of what is left, for an interval
_KEPT_VALUES = 2_000  # of a stratum, the newest, to see how long calls become
_READ_WEIGHT = 10.0  # how many answers the planned share that a judge reads counts as

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LiveStratum:
    """A stratum of the plan.

    Attributes:
        wanted: how many requests of each query the plan has, at most; shape (P,).
        shape: of its kind of answer.
        known: what a call costs that is known before it is sent, in US dollars.
        before: what all of it was forecast to cost before the run.
        judges: of a judge that reads only some answers, the strata of these; else none.
        votes: of such a judge, how many requests each answer that it reads takes.
        read_share: of such a judge, the share of the answers that it was planned to read.
    """

    wanted: Floats
    shape: LengthShape
    known: float
    before: CostRange
    judges: tuple[StratumKey, ...] = ()
    votes: int = 1
    read_share: float = 1.0


class _Counted:
    """The calls of a stratum, and those of them that count."""

    def __init__(self, size: int) -> None:
        self.answered = np.zeros(size)
        self.number = np.zeros(size, np.int64)
        self.sums, self.squares = np.zeros(size), np.zeros(size)
        self.values: deque[float] = deque(maxlen=_KEPT_VALUES)
        self.finished_value, self.finished_seconds = 0.0, 0.0

    def count(self, query: int, value: float) -> None:
        self.number[query] += 1
        self.sums[query] += value
        self.squares[query] += value * value
        self.values.append(value)


class LiveForecast:
    """Forecasts the end of a run from its calls.

    Args:
        strata: of the plan.
    """

    def __init__(self, strata: Mapping[StratumKey, LiveStratum]) -> None:
        self._strata = dict(strata)
        self._calls = {key: _Counted(len(each.wanted)) for key, each in self._strata.items()}
        self._flying: dict[str, tuple[StratumKey, int, float]] = {}  # in the order of their start
        self._waiting: list[tuple[float, int, StratumKey, int, float]] = []  # finished, by start
        self._longest = 0.0
        self._number = self._settled = 0

    def add_earlier(
        self, key: StratumKey, queries: Ints, values: Floats, answered: Floats | Ints
    ) -> None:
        """Add the calls of a stratum that were finished before any that will be told of.

        Args:
            key: of the stratum; one that the plan has not is left out.
            queries: of each call that says how long an answer is; shape (N,).
            values: what each cost, of the part that varies, in US dollars; shape (N,).
            answered: how many requests of each query are answered; shape (P,).
        """
        if key not in self._calls:
            return
        calls, size = self._calls[key], len(self._strata[key].wanted)
        calls.number += np.bincount(queries, minlength=size)
        calls.sums += np.bincount(queries, values, size)
        calls.squares += np.bincount(queries, values**2, size)
        calls.values.extend(values[-_KEPT_VALUES:].tolist())
        calls.answered += answered
        self._settled += int(answered.sum())

    def begin(self, call: str, key: StratumKey, query: int, at: float) -> None:
        """Say that a call is sent; calls are told of in the order of their start."""
        if key in self._calls:
            self._flying[call] = (key, query, at)

    def finish(self, call: str, at: float, value: float | None, *, answers: bool = True) -> None:
        """Say that a call is finished.

        Args:
            call: that was begun; another one changes nothing.
            at: when.
            value: what it cost, of the part that varies, in US dollars; None where that says
                nothing of how long an answer is.
            answers: whether its request needs no other call.
        """
        if call not in self._flying:
            return
        key, query, since = self._flying.pop(call)
        calls, seconds = self._calls[key], at - since
        self._longest = max(self._longest, seconds)
        self._settled += answers
        calls.answered[query] += answers
        if value is not None:
            self._number += 1
            heapq.heappush(self._waiting, (since, self._number, key, query, value))
            calls.finished_value += value
            calls.finished_seconds += seconds

    def forecast(self, now: float, paid: float) -> LiveResult:
        """Return the forecast of the end.

        Args:
            now: in seconds of the same clock as the calls.
            paid: what the run's calls were billed so far, in US dollars.
        """
        left = {key: self._find_left(key) for key in self._strata}
        rest, in_flight = float(sum(each.sum() for each in left.values())), len(self._flying)
        self._count_settled(now)
        state = self._judge(rest, in_flight)
        cost = None
        if state is LiveState.DONE:
            cost = LiveCost(PooledCost(0.0, 0.0, 1.0, paid))
        elif state is LiveState.HOLDS:
            cost = self._find_cost(left, now, paid)
        return LiveResult(state, cost, self._settled, in_flight, rest)

    def _judge(self, rest: float, in_flight: int) -> LiveState:
        if rest <= 0:
            return LiveState.DONE
        has_calls = any(calls.number.any() for calls in self._calls.values())
        if not has_calls or self._settled < SETTLED_PER_FLIGHT * in_flight:
            return LiveState.EARLY
        return LiveState.ENDING if in_flight > _MOST_IN_FLIGHT * rest else LiveState.HOLDS

    def _count_settled(self, now: float) -> None:
        """Count the calls that were sent longer ago than any has taken; none is still running."""
        before = now
        if self._flying:
            _, _, oldest = next(iter(self._flying.values()))
            before = now - max(self._longest, now - oldest)
        while self._waiting and self._waiting[0][0] < before:
            _, _, key, query, value = heapq.heappop(self._waiting)
            self._calls[key].count(query, value)

    def _find_left(self, key: StratumKey) -> Floats:
        """Return how many requests of each query are left, on average; shape (P,)."""
        stratum, calls = self._strata[key], self._calls[key]
        if not stratum.judges:
            return np.maximum(stratum.wanted - calls.answered, 0.0)
        answers = sum(float(self._calls[each].answered.sum()) for each in stratum.judges)
        read = float(calls.answered.sum()) / stratum.votes + _READ_WEIGHT * stratum.read_share
        share = min(read / (answers + _READ_WEIGHT), 1.0)
        open_ = sum(
            np.maximum(self._strata[each].wanted - self._calls[each].answered, 0.0)
            for each in stratum.judges
        )
        left = np.asarray(open_ * stratum.votes * share, dtype=np.float64)
        for of, query, _ in self._flying.values():
            if of == key:
                left[query] += 1
        return left

    def _find_cost(self, left: Mapping[StratumKey, Floats], now: float, paid: float) -> LiveCost:
        measured, unmeasured, known = [], [], 0.0
        excess = self._find_excess(now)
        for key, stratum in self._strata.items():
            if not self._calls[key].number.any():
                wanted = float(stratum.wanted.sum()) * stratum.read_share
                share = float(left[key].sum()) / wanted if wanted > 0 else 0.0
                unmeasured.append((stratum.before, min(share, 1.0)))
                continue
            known += stratum.known * float(left[key].sum())
            measured.append(self._measure(key, left[key], excess.get(key, (0.0, 0.0))[0]))
        pooled = pool_costs(measured, paid + known)
        wider = sum(variance for _, variance in excess.values())
        pooled = replace(pooled, variance=pooled.variance + wider)
        return LiveCost(pooled, PriorCost.sum_parts(unmeasured))

    def _measure(self, key: StratumKey, left: Floats, excess: float) -> MeasuredStratum:
        calls = self._calls[key]
        used = np.flatnonzero((calls.number > 0) | (left > 0))
        number, sums = calls.number[used], calls.sums[used]
        means = sums / np.maximum(number, 1)
        within = float(np.maximum(calls.squares[used] - means * sums, 0.0)[number > 1].sum())
        return MeasuredStratum(
            used, number, means, left[used], within, self._strata[key].shape, excess
        )

    def _find_excess(self, now: float) -> dict[StratumKey, tuple[float, float]]:
        """Return, by stratum, what calls in flight will cost above an average call each.

        With it, by how much the variance of that is above an average call's: long calls are more
        likely to be met in flight than short ones, and differ more.
        """
        running: dict[StratumKey, list[float]] = {}
        for key, _, since in self._flying.values():
            running.setdefault(key, []).append(now - since)
        return {
            key: _sum_excess(self._calls[key], np.array(seconds))
            for key, seconds in running.items()
            if self._calls[key].number.any()
        }


def _sum_excess(calls: _Counted, seconds: Floats) -> tuple[float, float]:
    """Return what calls that have run so long cost above average ones, in sum, and the variance.

    A call for which `z` times an average one is due already costs what those do that came to more,
    to which one is added that has outlasted all others: `sqrt(max(1, z))` times an average one is
    to come, with a variance of `2 max(1, z)^2`. Of a few forms these held on billed lengths, see
    `benchmarks/calibration.py`.
    """
    mean = float(calls.sums.sum() / calls.number.sum())
    if mean <= 0 or calls.finished_seconds <= 0:
        return 0.0, 0.0
    due = seconds * calls.finished_value / calls.finished_seconds / mean
    values = np.sort(np.array(calls.values)) / mean
    places = np.searchsorted(values, due, side="right")
    number, wide = len(values) - places + 1, np.maximum(due, 1.0)
    rest = np.sqrt(wide)
    expected = (_sum_from(values, places) + due + rest) / number
    squares = (_sum_from(values**2, places) + (due + rest) ** 2 + 2 * wide**2) / number
    wider = float(np.sum(squares - expected**2 - values.var()))
    return mean * float(np.sum(expected - 1)), mean**2 * max(wider, 0.0)


def _sum_from(values: Floats, places: Ints) -> Floats:
    """Return the sum of the values from each of some places on."""
    return np.append(np.cumsum(values[::-1])[::-1], 0.0)[places]
