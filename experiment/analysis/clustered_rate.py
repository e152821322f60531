"""Clustered rates: a mean over answers with its 95 % interval, where queries are the sample.

With one answer of each query that is yes or no the interval is Wilson's (1927). Several answers to
a query are alike, and those that stand for others weigh more: then the variance is that of a ratio
of the queries' totals (Cochran 1977, section 11.8, clusters of unequal size). Wilson's formula is
used with the number of independent answers that would have this variance (Kott and Carr 1997), so
that a rate near 0 or 1 keeps an interval within them. A mean of shares or numbers has the interval
of a t test over the queries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

_CONFIDENCE = 0.95
_HALF = 1 / 2
_NO_VARIANCE = 1e-15  # what is left of equal numbers by rounding


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of answers, or the mean of what a judge says of them, from 0 to 1.

    Attributes:
        estimate: weighted where answers stand for others; None where there are no answers.
        low, high: the bounds of its 95 % interval; None where one query says nothing of the next.
        count, of: how many answers are positive, of how many; each is counted once.
    """

    estimate: float | None
    low: float | None
    high: float | None
    count: int = 0
    of: int = 0


@dataclass(slots=True)
class RateTally:
    """The values of answers, summed up by query.

    Attributes:
        totals: query -> the sum of its values, each times its weight.
        counts: query -> how many answers it has, also those that others stand for; where that is
            not known, the sum of its weights.
        drawn: queries of which an answer has a weight.
        count, of: how many answers with a weight are positive, of how many.
        is_share: every value is 0 or 1.
        is_plain: every weight is 1.
    """

    totals: dict[int, float] = field(default_factory=dict)
    counts: dict[int, float] = field(default_factory=dict)
    drawn: set[int] = field(default_factory=set)
    count: int = 0
    of: int = 0
    is_share: bool = True
    is_plain: bool = True

    def add(self, query: int, value: float, weight: float = 1.0) -> None:
        """Add an answer; one that others stand for has the weight 0, and counts."""
        self.totals[query] = self.totals.get(query, 0.0) + value * weight
        self.counts[query] = self.counts.get(query, 0) + 1
        self.is_share = self.is_share and value in (0, 1)
        self.is_plain = self.is_plain and weight == 1
        if weight:
            self.drawn.add(query)
            self.count += value > _HALF
            self.of += 1

    def merge(self, other: RateTally) -> None:
        """Add all answers of another tally."""
        for query, count in other.counts.items():
            self.totals[query] = self.totals.get(query, 0.0) + other.totals[query]
            self.counts[query] = self.counts.get(query, 0) + count
        self.drawn |= other.drawn
        self.count += other.count
        self.of += other.of
        self.is_share = self.is_share and other.is_share
        self.is_plain = self.is_plain and other.is_plain

    def compute_rate(self) -> Rate | None:
        """Return the mean with its interval; None where no answer has a weight."""
        if not self.drawn:
            return None
        # By weights it can lie above 1 where few were drawn; a rate does not.
        mean = sum(self.totals.values()) / sum(self.counts.values())
        low, high = self._bound(mean)
        return Rate(min(mean, 1.0), low, high, self.count, self.of)

    def _bound(self, mean: float) -> tuple[float | None, float | None]:
        size, drawn, share = sum(self.counts.values()), len(self.drawn), min(mean, 1.0)
        if self.is_share and self.is_plain and size == len(self.counts):
            return bound_share(share, size, _normal_quantile())
        if drawn == 1:
            return None, None
        variance, quantile = self._estimate_variance(mean, size), _t_quantile(drawn - 1)
        if variance <= _NO_VARIANCE:  # they are all the same, which says little of the next one
            return bound_share(share, drawn, quantile)
        if self.is_share and 0 < share < 1:
            return bound_share(share, min(share * (1 - share) / variance, size), quantile)
        half = quantile * math.sqrt(variance)
        return max(share - half, 0.0), min(share + half, 1.0)

    def _estimate_variance(self, estimate: float, size: float) -> float:
        """Return the variance of a mean over answers whose queries are a sample of queries."""
        clusters = len(self.counts)
        squares = sum(
            (self.totals[query] - estimate * count) ** 2 for query, count in self.counts.items()
        )
        return squares * clusters / (clusters - 1) / size**2


def bound_share(share: float, answers: float, quantile: float) -> tuple[float, float]:
    """Return the bounds of Wilson's score interval (Wilson 1927, J. Am. Stat. Assoc. 22).

    Args:
        share: as observed.
        answers: how many were observed; an effective number where they are not alike.
        quantile: how many standard errors it reaches to either side.
    """
    share = min(max(share, 0.0), 1.0)
    square = quantile**2 / answers
    middle = (share + square / 2) / (1 + square)
    half = math.sqrt(square * (share * (1 - share) + square / 4)) / (1 + square)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def _normal_quantile() -> float:
    from scipy.special import ndtri  # noqa: PLC0415 - slow to import, and only for an interval

    return float(ndtri((1 + _CONFIDENCE) / 2))


def _t_quantile(freedom: int) -> float:
    from scipy.special import stdtrit  # noqa: PLC0415 - slow to import, and only for an interval

    return float(stdtrit(freedom, (1 + _CONFIDENCE) / 2))
