"""Output lengths: how many tokens a stratum's answers are expected to have, and how certainly.

They come from a prior or the user's own assumption (`priors`), or from billed usage (`history`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

MEASURED = ("history", "pilot")  # bases
_STANDARD_NORMAL = NormalDist()
_CV_SQUARED_PRIOR = 1.2


@dataclass(frozen=True, slots=True)
class OutputLength:
    """The mean output tokens of a stratum's requests, as a distribution.

    Attributes:
        mean: of one request, in the model's own tokens.
        sigma: standard deviation of the logarithm of that mean; 0 where calls were measured.
        basis: prior, assumed, history or pilot.
        kind: answer, scratchpad or verdict.
        source: where the figure comes from.
        cv_squared: squared coefficient of variation of the requests' own lengths.
        query_share: the share of that which lies between queries.
        visible: the share that a reader sees; the rest is hidden reasoning.
        shown: the share of that reasoning that comes back apart from the answer.
        most: what a budget of reasoning leaves room for; infinite without one.
        billed: of measured answers, the mean output of one under the plan's `max_tokens`.
        answer_input: of a judge, the mean prompt tokens that an answer took, where measured.
        common: the part of sigma that the priors of different models share; None for all of it.
    """

    mean: float
    sigma: float
    basis: str
    kind: str
    source: str
    cv_squared: float = _CV_SQUARED_PRIOR
    query_share: float = 0.75
    visible: float = 1.0
    shown: float = 0.0
    most: float = math.inf
    billed: float | None = None
    answer_input: float | None = None
    common: float | None = None

    @property
    def is_measured(self) -> bool:
        """Return whether it is based on billed usage."""
        return self.basis in MEASURED

    def quantile(self, p: float) -> float:
        """Return a quantile of the mean: of a lognormal with that mean.

        What measured calls are worth is known where they are (`pooling`), not here.
        """
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
