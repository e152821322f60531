"""A run whose calls take as long as their answers are, with so many in flight at a time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np

from estimator.forecast import CostRange, LengthShape
from estimator.workload import StratumKey
from pricing.money import Money
from runner.forecasting import LiveForecast, LiveStratum

NO_FORECAST = CostRange(mean=0.0, q05=0.0, q50=0.0, q95=0.0, ceiling=Money())
LIMIT = 6.0  # max_tokens, about four times a mean
SHAPE = LengthShape(cv_squared=1.2, query_share=0.75)


def draw_lengths(
    rng: np.random.Generator, queries: int, samples: int, shape: LengthShape = SHAPE
) -> np.ndarray:
    """Return lognormal lengths of shape (queries, samples), cut off at `LIMIT`; the median is 1."""
    s2 = np.log1p(shape.cv_squared)
    between, within = np.sqrt(s2 * shape.query_share), np.sqrt(s2 * (1 - shape.query_share))
    of_query = between * rng.standard_normal((queries, 1))
    return np.minimum(np.exp(of_query + within * rng.standard_normal((queries, samples))), LIMIT)


def key_of(number: int) -> StratumKey:
    return StratumKey("subject", f"lab/m{number}", "free")


def run_and_look(
    rng: np.random.Generator, lengths: list[np.ndarray], in_flight: int, every: int
) -> Iterator[tuple[LiveForecast, float, float]]:
    """Run strata breadth first, queries in a random order; yield after so many settled calls.

    Yields:
        the forecast's state, the time, and what is paid.
    """
    queries, samples = lengths[0].shape
    live = LiveForecast(
        {
            key_of(n): LiveStratum(np.full(queries, float(samples)), SHAPE, 0.0, NO_FORECAST)
            for n in range(len(lengths))
        }
    )
    order = rng.permutation(queries)
    work = [(h, int(q), s) for s in range(samples) for q in order for h in range(len(lengths))]
    running: list[tuple[float, int]] = []
    now = paid = 0.0
    for number in range(len(work) + in_flight):
        if len(running) == in_flight or (number >= len(work) and running):
            now, done = heapq.heappop(running)
            h, q, s = work[done]
            paid += lengths[h][q, s]
            live.finish(str(done), now, lengths[h][q, s])
            if number % every == 0:
                yield live, now, paid
        if number < len(work):
            stratum, query, sample = work[number]
            live.begin(str(number), key_of(stratum), query, now)
            seconds = lengths[stratum][query, sample] * np.exp(0.1 * rng.standard_normal())
            heapq.heappush(running, (now + seconds, number))
