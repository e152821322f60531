"""Counted calls: those of a stratum that say how long its answers are, and what follows from them.

What they cost is in US dollars of the part that varies.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from estimator.forecast import LengthShape, MeasuredStratum

_KEPT_VALUES = 2_000  # the newest, to see how long calls become

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class CountedCalls:
    """The calls of a stratum, and those of them that count, by query.

    Args:
        size: how many queries there are, P.

    Attributes:
        answered: how many requests are answered; shape (P,).
        number: how many calls count; shape (P,).
        sums, squares: of what these cost; shape (P,).
        values: what the newest of them cost.
        finished_value, finished_seconds: of all that have finished, whether or not they count yet.
    """

    def __init__(self, size: int) -> None:
        self.answered = np.zeros(size)
        self.number = np.zeros(size, np.int64)
        self.sums, self.squares = np.zeros(size), np.zeros(size)
        self.values: deque[float] = deque(maxlen=_KEPT_VALUES)
        self.finished_value, self.finished_seconds = 0.0, 0.0

    def count(self, query: int, value: float) -> None:
        """Count a call to a query that cost so much."""
        self.number[query] += 1
        self.sums[query] += value
        self.squares[query] += value * value
        self.values.append(value)

    def add(self, queries: Ints, values: Floats) -> None:
        """Count several calls; shapes (N,)."""
        size = len(self.number)
        self.number += np.bincount(queries, minlength=size)
        self.sums += np.bincount(queries, values, size)
        self.squares += np.bincount(queries, values**2, size)
        self.values.extend(values[-_KEPT_VALUES:].tolist())

    def measure(self, left: Floats, shape: LengthShape, excess: float) -> MeasuredStratum:
        """Return what they say of the requests that are left.

        Args:
            left: how many of each query; shape (P,).
            shape: of the kind of answer.
            excess: what calls in flight cost above average ones, in sum.
        """
        used = np.flatnonzero((self.number > 0) | (left > 0))
        number, sums = self.number[used], self.sums[used]
        means = sums / np.maximum(number, 1)
        within = float(np.maximum(self.squares[used] - means * sums, 0.0)[number > 1].sum())
        return MeasuredStratum(used, number, means, left[used], within, shape, excess)

    def sum_excess(self, seconds: Floats) -> tuple[float, float]:
        """Return what calls that have run so long cost above average ones, in sum.

        With it, the variance of that. A call for which `z` times an average one is due already
        costs what those do that came to more, to which one is added that has outlasted all others:
        `sqrt(max(1, z))` times an average one is to come, with a variance of `2 max(1, z)^2`. Of a
        few forms these held on billed lengths, see `benchmarks/calibration.py`.
        """
        mean = float(self.sums.sum() / self.number.sum())
        if mean <= 0 or self.finished_seconds <= 0:
            return 0.0, 0.0
        due = seconds * self.finished_value / self.finished_seconds / mean
        values = np.sort(np.array(self.values)) / mean
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
