"""Output lengths: how many tokens a stratum's answers are expected to have, and how certainly.

They come from a prior or the user's own assumption (`priors`), or from billed usage (`history`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

_STANDARD_NORMAL = NormalDist()
_CV_SQUARED_PRIOR = 1.2
_PRIOR_DF = 6
_QUERY_SHARE = 0.75  # of the variance lies between queries, the rest between samples


@dataclass(frozen=True, slots=True)
class OutputLength:
    """The mean output tokens of a stratum's requests, as a distribution.

    Attributes:
        mean: of one request, in the model's own tokens.
        sigma: standard deviation of the logarithm of that mean.
        df: degrees of freedom behind `sigma`; infinite for a prior.
        basis: prior, assumed or history.
        kind: answer, scratchpad or verdict.
        source: where the figure comes from.
        cv_squared: squared coefficient of variation of the requests' own lengths.
        visible: the share that a reader sees; the rest is hidden reasoning.
        shown: the share of that reasoning that comes back apart from the answer.
        most: what a budget of reasoning leaves room for; infinite without one.
    """

    mean: float
    sigma: float
    df: float
    basis: str
    kind: str
    source: str
    cv_squared: float = _CV_SQUARED_PRIOR
    visible: float = 1.0
    shown: float = 0.0
    most: float = math.inf

    @property
    def is_measured(self) -> bool:
        """Return whether it is based on billed usage."""
        return self.basis == "history"

    def quantile(self, p: float) -> float:
        """Return a quantile of the mean.

        Measured: a shrunk-CV log-t, `exp(s2/3 + s t_df(p))`, whose 90 % intervals cover 88 to
        92 % on 13 data sets. A prior: a lognormal with that mean.
        """
        if self.is_measured:
            shift = self.sigma**2 / 3 + self.sigma * student_t_quantile(self.df, p)
        else:
            shift = -(self.sigma**2) / 2 + self.sigma * _STANDARD_NORMAL.inv_cdf(p)
        return min(self.mean * math.exp(shift), self.most)

    def share_cut_off(self, max_tokens: int, p: float | None = None) -> float:
        """Return the share of the answers that `max_tokens` cuts off.

        Args:
            max_tokens: of each request.
            p: by this quantile of the mean; None for the mean itself.
        """
        if max_tokens >= self.most:
            return 0.0
        mean = self.mean if p is None else self.quantile(p)
        return share_above(mean, max_tokens, self.cv_squared)

    def length_of_share(self, share: float) -> float:
        """Return the length that no more than this share of the answers exceeds."""
        return min(length_at_share(self.mean, share, self.cv_squared), self.most)


def student_t_quantile(df: float, p: float) -> float:
    """Return a quantile of Student's t distribution."""
    from scipy.special import stdtrit  # noqa: PLC0415 - a fifth of a second, and only for history

    return float(stdtrit(df, p))


def truncated_mean(mean: float, max_tokens: int, cv_squared: float = _CV_SQUARED_PRIOR) -> float:
    """Return the mean of an output that is truncated at `max_tokens`.

    Lengths are assumed lognormal: the limited expected value,
    mean * Phi((ln(M/mean) - s2/2) / s) + M * Phi(-(ln(M/mean) + s2/2) / s).
    """
    s = math.sqrt(math.log1p(cv_squared))
    at = math.log(max_tokens / mean)
    below = mean * _STANDARD_NORMAL.cdf((at - s * s / 2) / s)
    return below + max_tokens * _STANDARD_NORMAL.cdf(-(at + s * s / 2) / s)


def share_above(mean: float, max_tokens: int, cv_squared: float = _CV_SQUARED_PRIOR) -> float:
    """Return the share of outputs that are longer than `max_tokens`, by the same lognormal."""
    s = math.sqrt(math.log1p(cv_squared))
    return _STANDARD_NORMAL.cdf(-(math.log(max_tokens / mean) + s * s / 2) / s)


def length_at_share(mean: float, share: float, cv_squared: float = _CV_SQUARED_PRIOR) -> float:
    """Return the length that this share of outputs exceeds: the inverse of `share_above`."""
    s = math.sqrt(math.log1p(cv_squared))
    return mean * math.exp(-s * s / 2 - s * _STANDARD_NORMAL.inv_cdf(share))


def length_from_history(
    by_query: list[float], queries: int, samples: int, kind: str, source: str
) -> OutputLength:
    """Return the output length that billed answers predict for `queries` x `samples`.

    Args:
        by_query: mean output tokens of each distinct query that was measured; at least one.
        queries: how many the new run will have.
        samples: of each.
        kind: answer, scratchpad or verdict.
        source: where they were measured.

    The coefficient of variation is shrunk towards the prior's, and the new run's queries count as
    a new draw: v = c2 * [rho (1/P + 1/k) + (1 - rho) (1/(PS) + 1/k)].
    """
    k, mean = len(by_query), sum(by_query) / len(by_query)
    squares = sum((x - mean) ** 2 for x in by_query) / mean**2
    c2 = (squares + _PRIOR_DF * _CV_SQUARED_PRIOR) / (k - 1 + _PRIOR_DF)
    runs = queries * samples
    rv = _QUERY_SHARE * (1 / queries + 1 / k) + (1 - _QUERY_SHARE) * (1 / runs + 1 / k)
    sigma = math.sqrt(math.log1p(c2 * rv))
    return OutputLength(mean, sigma, k - 1 + _PRIOR_DF, "history", kind, source)
