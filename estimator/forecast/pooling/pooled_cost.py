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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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

    queries: NDArray[np.int64]
    counted: NDArray[np.int64]
    means: NDArray[np.float64]
    left: NDArray[np.float64]
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
    from estimator.forecast.pooling import query_moments  # noqa: PLC0415 - loads numpy

    return query_moments.pool_moments(query_moments.find_moments(strata), certain)


def split_variance(strata: Sequence[MeasuredStratum]) -> list[float]:
    """Return what each stratum adds to the variance of `pool_costs`.

    What two strata have in common is divided between them.
    """
    if not strata:
        return []
    from estimator.forecast.pooling import query_moments  # noqa: PLC0415 - loads numpy

    found: list[float] = query_moments.split_moments(query_moments.find_moments(strata)).tolist()
    return found
