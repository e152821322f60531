"""Pooled costs: what calls that are still to be paid will cost, from those that were measured.

One formula for a pilot, a history and a run that goes on; for strata that share their queries,
several samples of a query, and judges that read the answers. Lengths vary between queries and,
within a query, between samples; the coefficient of variation of each stratum is shrunk towards
that of its kind of answer. The means of a query in two strata are correlated, by a share that is
measured over all strata and shrunk towards one half. The total is a shrunk log-t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRIOR_WEIGHT = 6.0  # nu0: how many queries the prior's coefficient of variation counts as
_WITHIN_WEIGHT = 10.0  # the same for the variation within a query
_CORRELATION, _CORRELATION_WEIGHT = 0.5, 5.0  # what the correlation is shrunk to, and how much
_LEAST_BETWEEN = 0.1  # of the variation, lies between queries
# The standard deviation of the logarithm of a mean between providers of the same model: 21 pairs of
# billed runs.
_DRIFT = 0.4


@dataclass(frozen=True, slots=True)
class LengthShape:
    """How the lengths of a kind of answer vary.

    Attributes:
        cv_squared: squared coefficient of variation of one call.
        query_share: the share of that which lies between queries (intraclass correlation).
    """

    cv_squared: float
    query_share: float


@dataclass(frozen=True, slots=True)
class MeasuredStratum:
    """A stratum's calls by query: what the measured ones cost, and how many are still to be paid.

    All arrays have the shape (Q,), for the stratum's own queries. At least one call was measured.

    Attributes:
        queries: which query, from 0; the same number is the same query in every stratum.
        counted: how many calls of it were measured.
        means: what they cost on average; 0 where there are none.
        left: how many calls of it are still to be paid, on average.
        within: the sum of the squared deviations of the calls from the mean of their query.
        shape: of its kind of answer.
        under_way: what the calls in flight will cost above an average call each, in sum.
        may_drift: whether they were measured at another provider, or a router that is not pinned.
    """

    queries: Ints
    counted: Ints
    means: Floats
    left: Floats
    within: float
    shape: LengthShape
    under_way: float = 0.0
    may_drift: bool = False


@dataclass(frozen=True, slots=True)
class PooledCost:
    """What the calls that are still to be paid cost, as a log-t distribution.

    Attributes:
        mean: of their sum.
        variance: of it.
        df: degrees of freedom behind that variance.
        certain: what is added to every quantile: what is paid, and what is known exactly.
    """

    mean: float
    variance: float
    df: float
    certain: float = 0.0

    @property
    def log_variance(self) -> float:
        """The variance of the logarithm of the sum."""
        return math.log1p(self.variance / self.mean**2) if self.mean > 0 else 0.0

    def quantile(self, p: float) -> float:
        """Return a quantile: `certain + mean exp(s2/3 + s t_df(p))`."""
        from scipy.special import stdtrit  # noqa: PLC0415 - a fifth of a second

        s2 = self.log_variance
        if s2 == 0:
            return self.certain + self.mean
        return self.certain + self.mean * math.exp(s2 / 3 + math.sqrt(s2) * stdtrit(self.df, p))

    def chance_above(self, amount: float) -> float:
        """Return the probability that the whole costs more than an amount."""
        from scipy.special import stdtr  # noqa: PLC0415 - a fifth of a second

        left, s2 = amount - self.certain, self.log_variance
        if left <= 0 or s2 == 0:
            return float(self.mean > left)
        at = (math.log(left / self.mean) - s2 / 3) / math.sqrt(s2)
        return float(1 - stdtr(self.df, at))


def pool_costs(strata: Sequence[MeasuredStratum], certain: float = 0.0) -> PooledCost:
    """Return what the calls of strata that are still to be paid cost together.

    Args:
        strata: each with at least one measured call.
        certain: what is paid already, and what is known exactly of the rest.
    """
    if not strata:
        return PooledCost(0.0, 0.0, math.inf, certain)
    moments = _find_moments(strata)
    common, share = _find_common_part(moments)
    mean, variance = float(moments.mean.sum()), float(moments.variance.sum()) + common
    variance += _find_drift(moments) ** 2
    return PooledCost(mean, variance, _join_df(moments, share), certain)


def split_variance(strata: Sequence[MeasuredStratum]) -> Floats:
    """Return what each stratum adds to the variance of `pool_costs`; shape (H,).

    What two strata have in common is divided between them.
    """
    if not strata:
        return np.zeros(0)
    moments = _find_moments(strata)
    common, _ = _find_common_part(moments)
    each = moments.beta[moments.owner] * moments.leverage
    together = np.bincount(moments.queries, weights=each)[moments.queries]
    shared = np.bincount(moments.owner, each * (together - each), len(strata))
    moved = float(shared.sum())
    correlation = common / moved if moved > 0 else 0.0
    drift = moments.mean * moments.may_drift * _DRIFT * _find_drift(moments)
    found: Floats = moments.variance + correlation * shared + drift
    return found


def _find_drift(moments: _Moments) -> float:
    """Return the standard deviation of what is paid elsewhere: it drifts in the same direction."""
    return _DRIFT * float(moments.mean @ moments.may_drift)


@dataclass(frozen=True, slots=True)
class _Moments:
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


def _find_moments(strata: Sequence[MeasuredStratum]) -> _Moments:
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
    return _Moments(
        mean=n * mean + [stratum.under_way for stratum in strata],
        variance=mean**2 * (between * add(leverage**2) + within * n * (1 + n / c)),
        df=k - 1 + PRIOR_WEIGHT,
        beta=mean * np.sqrt(between + within * k / c),
        may_drift=np.array([stratum.may_drift for stratum in strata]),
        owner=owner,
        queries=np.concatenate([stratum.queries for stratum in strata]),
        is_counted=counted > 0,
        leverage=leverage,
        deviation=apart / np.where(spread > 0, spread, 1.0)[owner],
    )


def _split_variation(
    strata: Sequence[MeasuredStratum], mean: Floats, squares: Floats, k: Floats, c: Floats
) -> tuple[Floats, Floats]:
    """Return the squared coefficients of variation between queries, and within one; shape (H,)."""
    prior = np.array([stratum.shape.cv_squared for stratum in strata])
    rho = np.array([stratum.shape.query_share for stratum in strata])
    scale = np.where(mean > 0, mean**2, 1.0)
    share = rho + (1 - rho) * k / c  # of a call's variation that a query's mean keeps
    whole = (squares / scale / share + PRIOR_WEIGHT * prior) / (k - 1 + PRIOR_WEIGHT)
    repeated = np.array([stratum.within for stratum in strata]) / scale
    within = (1 - rho) * whole
    within = (repeated + _WITHIN_WEIGHT * within) / (c - k + _WITHIN_WEIGHT)
    return np.maximum(whole - within, _LEAST_BETWEEN * whole), within


def _find_common_part(moments: _Moments) -> tuple[float, float]:
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


def _join_df(moments: _Moments, share: float) -> float:
    """Return the degrees of freedom of a sum: by Satterthwaite apart, by their mean in common."""
    total = float(moments.variance.sum())
    if total == 0:
        return float(moments.df.min())
    apart = total**2 / float((moments.variance**2 / moments.df).sum())
    together = float(moments.variance @ moments.df) / total
    return 1 / ((1 - share) / apart + share / together)
