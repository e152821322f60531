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
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from estimator.forecast import PooledCost, pool_costs
from estimator.workload import StratumKey
from runner.forecasting.counted_calls import CountedCalls
from runner.forecasting.live_rest import Floats, LiveStratum, find_rest
from runner.forecasting.live_result import LiveCost, LiveResult, LiveState, PriorCost

SETTLED_PER_FLIGHT = 5  # calls that must be settled for each one in flight
_MOST_IN_FLIGHT = 0.5  # of what is left, for an interval

Ints = NDArray[np.int64]


class LiveForecast:
    """Forecasts the end of a run from its calls.

    Args:
        strata: of the plan.
    """

    def __init__(self, strata: Mapping[StratumKey, LiveStratum]) -> None:
        self._strata = dict(strata)
        self._calls = {key: CountedCalls(len(each.wanted)) for key, each in self._strata.items()}
        self._flying: dict[str, tuple[StratumKey, int, float]] = {}  # in the order of their start
        self._away: dict[str, tuple[StratumKey, int]] = {}  # in batches
        self._waiting: list[tuple[float, int, StratumKey, int, float]] = []  # finished, by start
        self._longest = 0.0
        self._number = self._settled = 0
        self._stopped: frozenset[str] = frozenset()

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
        self._calls[key].add(queries, values)
        self._calls[key].answered += answered
        self._settled += int(answered.sum())

    def begin(self, call: str, key: StratumKey, query: int, at: float) -> None:
        """Say that a call is sent; calls are told of in the order of their start."""
        if key in self._calls:
            self._flying[call] = (key, query, at)

    def begin_in_batch(self, call: str, key: StratumKey, query: int) -> None:
        """Say that a call is sent in a batch.

        How long it is away says nothing of it: all answers of a batch come at once.
        """
        if key in self._calls:
            self._away[call] = (key, query)

    def finish(self, call: str, at: float, value: float | None, *, answers: bool = True) -> None:
        """Say that a call is finished.

        Args:
            call: that was begun; another one changes nothing.
            at: when.
            value: what it cost, of the part that varies, in US dollars; None where that says
                nothing of how long an answer is.
            answers: whether its request needs no other call.
        """
        if call in self._away:
            self._finish_in_batch(*self._away.pop(call), value, answers=answers)
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

    def _finish_in_batch(
        self, key: StratumKey, query: int, value: float | None, *, answers: bool
    ) -> None:
        self._settled += answers
        self._calls[key].answered[query] += answers
        if value is not None:
            self._calls[key].count(query, value)

    def stop_models(self, models: Collection[str]) -> None:
        """Say which models are asked nothing more, because a sequential test stopped them."""
        self._stopped = frozenset(models)

    def forecast(self, now: float, paid: float) -> LiveResult:
        """Return the forecast of the end.

        Args:
            now: in seconds of the same clock as the calls.
            paid: what the run's calls were billed so far, in US dollars.
        """
        left, in_flight = self._find_rest(self._stopped), len(self._flying)
        rest = _add_up(left)
        self._count_settled(now)
        state = self._judge(rest, in_flight)
        cost = None
        if state is LiveState.DONE:
            cost = LiveCost(PooledCost(0.0, 0.0, 1.0, paid))
        elif state is LiveState.HOLDS:
            cost = self._find_cost(left, now, paid)
        not_asked = _add_up(self._find_rest()) - rest if self._stopped else 0.0
        return LiveResult(
            state,
            cost,
            self._settled,
            in_flight + len(self._away),
            rest,
            max(not_asked, 0.0),
            {key: float(each.sum()) for key, each in left.items()},
        )

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

    def _find_rest(self, stopped: Collection[str] = ()) -> dict[StratumKey, Floats]:
        """Return how many requests of each query are left, by stratum; shapes (P,)."""
        answered = {key: calls.answered for key, calls in self._calls.items()}
        in_flight = [(key, query) for key, query, _ in self._flying.values()]
        in_flight += self._away.values()
        return find_rest(self._strata, answered, in_flight, stopped)

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
            more, _ = excess.get(key, (0.0, 0.0))
            measured.append(self._calls[key].measure(left[key], stratum.shape, more))
        pooled = pool_costs(measured, paid + known)
        wider = sum(variance for _, variance in excess.values())
        pooled = replace(pooled, variance=pooled.variance + wider)
        return LiveCost(pooled, PriorCost.sum_parts(unmeasured))

    def _find_excess(self, now: float) -> dict[StratumKey, tuple[float, float]]:
        """Return, by stratum, what calls in flight will cost above an average call each.

        With it, by how much the variance of that is above an average call's: long calls are more
        likely to be met in flight than short ones, and differ more.
        """
        running: dict[StratumKey, list[float]] = {}
        for key, _, since in self._flying.values():
            running.setdefault(key, []).append(now - since)
        return {
            key: self._calls[key].sum_excess(np.array(seconds))
            for key, seconds in running.items()
            if self._calls[key].number.any()
        }


def _add_up(left: Mapping[StratumKey, Floats]) -> float:
    return float(sum(each.sum() for each in left.values()))
