"""Intervals: of a rate, and of a mean of differences between the answers to the same queries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from experiment.analysis.clustered_rate import bound_share
from experiment.analysis.mean_estimate import add_spread
from experiment.analysis.validation.ratings import Floats

_CONFIDENCE = 0.95
NORMAL_QUANTILE = float(ndtri((1 + _CONFIDENCE) / 2))


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate with its 95 % interval.

    Attributes:
        count, of: how often, of how many: answers, each counted once.
        rate: weighted where answers stand for others; None where there are none.
        low, high: the bounds of its interval.
    """

    count: int
    of: int
    rate: float | None
    low: float | None
    high: float | None


def estimate_rate(is_counted: Floats, weights: Floats) -> Rate:
    """Return how often something is the case, weighted, with Wilson's interval.

    Args:
        is_counted: of each answer, 1 where it is, 0 where it is not; or a share of votes.
        weights: of each answer, above 0.
    """
    n = len(weights)
    total = float(weights.sum())
    count = int((is_counted > 1 / 2).sum())
    if not total:
        return Rate(count, n, None, None, None)
    rate = float((is_counted * weights).sum()) / total
    low, high = bound_rate(rate, total**2 / float((weights**2).sum()))
    return Rate(count, n, rate, low, high)


def bound_rate(rate: float, n: float) -> tuple[float, float]:
    """Return the bounds of Wilson's 95 % interval of a rate (Wilson 1927, J. Am. Stat. Assoc. 22).

    Args:
        rate: as observed.
        n: how many were observed; where they have weights, the effective number of Kish 1965
            (Survey Sampling), with which the interval is that of Korn and Graubard 1998.
    """
    return bound_share(rate, n, NORMAL_QUANTILE)


def find_t_quantile(freedom: int) -> float:
    """Return how many standard errors a 95 % interval reaches to either side."""
    return float(stdtrit(freedom, (1 + _CONFIDENCE) / 2))


def estimate_mean_variance(values: Floats) -> float:
    """Return the variance of the mean of differences, of which some are never all equal."""
    spread = np.array(add_spread(values.tolist()))
    return float(spread.var(ddof=1)) / len(spread)
