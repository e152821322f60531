"""Query moments: the means and variances of strata, and what they share through their queries.

The arithmetic of `pooled_cost`, which says what it stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from estimator.forecast.pooling.pooled_cost import MeasuredStratum, PooledCost

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_PRIOR_WEIGHT = 6.0  # nu0: how many queries the prior's coefficient of variation counts as
_WITHIN_WEIGHT = 10.0  # the same for the variation within a query
_CORRELATION, _CORRELATION_WEIGHT = 0.5, 5.0  # what the correlation is shrunk to, and how much
_LEAST_BETWEEN = 0.1  # of the variation, lies between queries
# The standard deviation of the logarithm of a mean between providers of the same model: 21 pairs of
# billed runs.
_DRIFT = 0.4


@dataclass(frozen=True, slots=True)
class Moments:
    """The means and variances of H strata, and what their queries have in common.

    Attributes:
        mean, variance: of what is still to be paid; shape (H,).
        df: degrees of freedom; shape (H,).
        beta: the standard deviation of a query's mean; shape (H,).
        may_drift: whether it was measured elsewhere; shape (H,).
        owner: the stratum of each of its queries, those of all strata one after the other; shape
            (N,), as all that follow.
        queries: which query it is.
        is_counted: whether a call of it was measured.
        leverage: how many calls more are to be paid than its measured ones stand for.
        deviation: that of its mean in standard deviations; 0 where there is none.
    """

    mean: Floats
    variance: Floats
    df: Floats
    beta: Floats
    may_drift: NDArray[np.bool_]
    owner: Ints
    queries: Ints
    is_counted: NDArray[np.bool_]
    leverage: Floats
    deviation: Floats

    def sum_pairs(self, of_query: Floats) -> float:
        """Return the sum over all pairs of strata of what each has for a query, multiplied.

        Args:
            of_query: in standard deviations of a query's mean; shape (N,).
        """
        each = self.beta[self.owner] * of_query
        together: Floats = np.bincount(self.queries, weights=each).astype(np.float64)
        return _sum_squares(together) - _sum_squares(each)


def find_moments(strata: Sequence[MeasuredStratum]) -> Moments:
    """Return the moments of strata, each with at least one measured call."""
    owner = np.repeat(np.arange(len(strata)), [len(stratum.queries) for stratum in strata])
    counted = np.concatenate([stratum.counted for stratum in strata])
    means = np.concatenate([stratum.means for stratum in strata])
    left = np.concatenate([stratum.left for stratum in strata])

    def add(of_query: Floats | Ints) -> Floats:
        return np.bincount(owner, of_query, len(strata)).astype(np.float64)

    k, c, n = add(np.sign(counted)), add(counted), add(left)
    mean = add(counted * means) / c
    leverage = left - counted * (n / c)[owner]
    apart = np.where(counted > 0, means - mean[owner], 0.0)
    squares = add(apart**2)
    between, within = _split_variation(strata, mean, squares, k, c)
    spread = np.sqrt(squares / np.maximum(k - 1, 1))
    return Moments(
        mean=n * mean + [stratum.under_way for stratum in strata],
        variance=mean**2 * (between * add(leverage**2) + within * n * (1 + n / c)),
        df=k - 1 + _PRIOR_WEIGHT,
        beta=mean * np.sqrt(between + within * k / c),
        may_drift=np.array([stratum.may_drift for stratum in strata]),
        owner=owner,
        queries=np.concatenate([stratum.queries for stratum in strata]),
        is_counted=counted > 0,
        leverage=leverage,
        deviation=apart / np.where(spread > 0, spread, 1.0)[owner],
    )


def pool_moments(moments: Moments, certain: float) -> PooledCost:
    """Return what the calls of strata that are still to be paid cost together; see `pool_costs`."""
    common, share = _find_common_part(moments)
    mean, variance = float(moments.mean.sum()), float(moments.variance.sum()) + common
    variance += _find_drift(moments) ** 2
    return PooledCost(mean, variance, _join_df(moments, share), certain)


def split_moments(moments: Moments) -> Floats:
    """Return what each stratum adds to the variance of their sum; shape (H,)."""
    common, _ = _find_common_part(moments)
    each = moments.beta[moments.owner] * moments.leverage
    together = np.bincount(moments.queries, weights=each)[moments.queries]
    shared = np.bincount(moments.owner, each * (together - each), len(moments.mean))
    moved = float(shared.sum())
    correlation = common / moved if moved > 0 else 0.0
    drift = moments.mean * moments.may_drift * _DRIFT * _find_drift(moments)
    found: Floats = moments.variance + correlation * shared + drift
    return found


def _find_drift(moments: Moments) -> float:
    """Return the standard deviation of what is paid elsewhere: it drifts in the same direction."""
    return _DRIFT * float(moments.mean @ moments.may_drift)


def _split_variation(
    strata: Sequence[MeasuredStratum], mean: Floats, squares: Floats, k: Floats, c: Floats
) -> tuple[Floats, Floats]:
    """Return the squared coefficients of variation between queries, and within one; shape (H,)."""
    prior = np.array([stratum.shape.cv_squared for stratum in strata])
    rho = np.array([stratum.shape.query_share for stratum in strata])
    scale = np.where(mean > 0, mean**2, 1.0)
    share = rho + (1 - rho) * k / c  # of a call's variation that a query's mean keeps
    whole = (squares / scale / share + _PRIOR_WEIGHT * prior) / (k - 1 + _PRIOR_WEIGHT)
    repeated = np.array([stratum.within for stratum in strata]) / scale
    within = (1 - rho) * whole
    within = (repeated + _WITHIN_WEIGHT * within) / (c - k + _WITHIN_WEIGHT)
    return np.maximum(whole - within, _LEAST_BETWEEN * whole), within


def _find_common_part(moments: Moments) -> tuple[float, float]:
    """Return the covariance of the strata through their queries, and how much of it is positive."""
    unshared = _sum_products(moments.beta)
    shared = max(moments.sum_pairs(moments.is_counted.astype(float)) - unshared, 0.0)
    agreeing = moments.sum_pairs(moments.deviation) if shared > 0 else 0.0
    weight = _CORRELATION_WEIGHT * unshared
    correlation = 0.0
    if shared + weight > 0:
        found = (agreeing + _CORRELATION * weight) / (shared + weight)
        correlation = min(max(found, 0.0), 1.0)
    moved = moments.sum_pairs(moments.leverage)
    sizes = np.sqrt(np.bincount(moments.owner, weights=moments.leverage**2))
    most = _sum_products(moments.beta * sizes)
    share = min(max(moved / most, 0.0), 1.0) if most > 0 else 0.0
    return correlation * max(moved, 0.0), share


def _sum_products(values: Floats) -> float:
    """Return the sum over all pairs of values, each multiplied."""
    return float(values.sum() ** 2) - _sum_squares(values)


def _sum_squares(values: Floats) -> float:
    """Return the sum of squares; not as a product of vectors, whose threads wait for each other."""
    return float(np.square(values).sum())


def _join_df(moments: Moments, share: float) -> float:
    """Return the degrees of freedom of a sum: by Satterthwaite apart, by their mean in common."""
    total = float(moments.variance.sum())
    if total == 0:
        return float(moments.df.min())
    apart = total**2 / float((moments.variance**2 / moments.df).sum())
    together = float(moments.variance @ moments.df) / total
    return 1 / ((1 - share) / apart + share / together)
