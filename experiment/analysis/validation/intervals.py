"""Intervals: of a rate, and of a mean of differences between the answers to the same queries."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri, stdtrit

from experiment.analysis.clustered_rate import Rate, RateTally, bound_share
from experiment.analysis.mean_estimate import add_spread
from experiment.analysis.validation.ratings import Floats, Integers

_CONFIDENCE = 0.95
NORMAL_QUANTILE = float(ndtri((1 + _CONFIDENCE) / 2))


def estimate_rate(is_counted: Floats, weights: Floats, queries: Integers) -> Rate:
    """Return how often something is the case, weighted, with an interval clustered by query.

    How many answers of the kind there are is not known but estimated, by the sum of their weights.
    These are scaled to the effective number of answers (Kish 1965, Survey Sampling), which the
    interval is never narrower than.

    Args:
        is_counted: of each answer, 1 where it is, 0 where it is not.
        weights: of each answer, above 0.
        queries: which each answer is to.
    """
    if not len(weights):
        return Rate(None, None, None)
    asked, places = np.unique(queries, return_inverse=True)
    scaled = weights * (weights.sum() / (weights**2).sum())
    names = asked.tolist()
    found = RateTally(
        totals=dict(zip(names, np.bincount(places, is_counted * scaled).tolist(), strict=True)),
        counts=dict(zip(names, np.bincount(places, scaled).tolist(), strict=True)),
        drawn=set(names),
        count=int(is_counted.sum()),
        of=len(is_counted),
        is_plain=bool((weights == 1).all()),
    )
    return found.compute_rate() or Rate(None, None, None)


def bound_rate(rate: float, n: float) -> tuple[float, float]:
    """Return the bounds of Wilson's 95 % interval of a rate (Wilson 1927, J. Am. Stat. Assoc. 22).

    Args:
        rate: as observed.
        n: how many were observed; an effective number where they are not alike (Korn and Graubard
            1998).
    """
    return bound_share(rate, n, NORMAL_QUANTILE)


def find_t_quantile(freedom: int) -> float:
    """Return how many standard errors a 95 % interval reaches to either side."""
    return float(stdtrit(freedom, (1 + _CONFIDENCE) / 2))


def estimate_mean_variance(values: Floats) -> float:
    """Return the variance of the mean of differences, of which some are never all equal."""
    spread = np.array(add_spread(values.tolist()))
    return float(spread.var(ddof=1)) / len(spread)
