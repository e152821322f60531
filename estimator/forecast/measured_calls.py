"""Measured calls: billed calls of a stratum, on which the forecast of others rests.

They are kept in tokens, because prices and `max_tokens` may be others by the time of a forecast.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

from estimator.forecast.pooling import LengthShape, MeasuredStratum
from pricing.rates import RateCard

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class MeasuredCalls:
    """The billed calls of a stratum that say how long an answer is; arrays of shape (N,).

    Without those that failed, that a filter refused, and that came back empty without a token.

    Attributes:
        queries: which query each is of: from 0 those of the experiment, in its order, and after
            them others, of earlier runs. A number is the same query in every stratum.
        output: billed output tokens.
        answer_input: of a judge, prompt tokens beyond its prompt without an answer; else 0.
        limits: the `max_tokens` that each was sent with; 0 where that is not known.
        is_cut: whether it ended at that limit.
        basis: `pilot` where they are the study's own, which are not paid again; else `history`.
        source: what says so, in words.
        may_drift: whether they are of another provider, or of a router that is not pinned.
    """

    queries: NDArray[np.int64]
    output: NDArray[np.int64]
    answer_input: NDArray[np.float64]
    limits: NDArray[np.int64]
    is_cut: NDArray[np.bool_]
    basis: str
    source: str
    may_drift: bool = False

    @property
    def is_own(self) -> bool:
        """Whether they are the study's own, which are not paid again."""
        return self.basis == "pilot"

    @property
    def query_count(self) -> int:
        """How many queries they are of."""
        return len(set(self.queries.tolist()))

    def count_censored(self, max_tokens: int) -> int:
        """Return how many were cut off by a smaller limit than this."""
        is_smaller = (self.limits < max_tokens) & (self.limits > 0)
        is_shorter = (self.output < max_tokens) & (self.limits <= 0)
        return int((self.is_cut & (is_smaller | is_shorter)).sum())

    def share_cut_off(self, max_tokens: int) -> float:
        """Return the share of them that this limit cut off, or would have.

        One that ended by itself within no larger limit was not, whatever was booked for it.
        """
        at_limit = self.is_cut & (self.limits >= max_tokens)
        has_ended = ~self.is_cut & (self.limits > 0) & (self.limits <= max_tokens)
        return float((at_limit | (self.output >= max_tokens) & ~has_ended).mean())

    def length_of_share(self, share: float) -> float | None:
        """Return the length that no more than this share of them reaches; None where more were cut.

        How long those would have become was not measured.
        """
        import numpy as np  # noqa: PLC0415 - slow to import, and only for measured calls

        if float(self.is_cut.mean()) > share:
            return None
        return float(np.quantile(self.output, 1 - share, method="higher")) + 1


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """What a token costs in US dollars."""

    input: float
    output: float

    @classmethod
    def at_prompt(cls, card: RateCard, prompt: float) -> TokenPrices:
        """Return the prices of a card; so many tokens of a prompt decide the context tier."""
        at = math.ceil(prompt)
        return cls(float(card.input.price_at(at)) / 1e6, float(card.output.price_at(at)) / 1e6)

    @overload
    def price(self, output: float, answer_input: float) -> float: ...
    @overload
    def price(
        self, output: NDArray[np.int64], answer_input: NDArray[np.float64]
    ) -> NDArray[np.float64]: ...
    def price(self, output: Any, answer_input: Any) -> Any:
        """Return what a call, or each of several, costs of the part that varies, in US dollars."""
        return output * self.output + answer_input * self.input


def measure_stratum(
    calls: MeasuredCalls,
    wanted: NDArray[np.float64],
    max_tokens: int,
    prices: TokenPrices,
    shape: LengthShape,
) -> MeasuredStratum:
    """Return what calls say of a stratum, in US dollars of the part that varies.

    Args:
        calls: at least one.
        wanted: how many calls of each of the experiment's queries the run has, measured or not;
            shape (P,).
        max_tokens: of the run; longer answers are clipped to it, each before the mean.
        prices: of the run's stratum.
        shape: of its kind of answer.
    """
    import numpy as np  # noqa: PLC0415 - slow to import, and only for measured calls

    size = max(len(wanted), int(calls.queries.max()) + 1)
    each = prices.price(np.minimum(calls.output, max_tokens), calls.answer_input)
    counted = np.bincount(calls.queries, minlength=size)
    means = np.bincount(calls.queries, each, size) / np.maximum(counted, 1)
    within = float(np.sum((each - means[calls.queries]) ** 2))
    left = np.zeros(size)
    left[: len(wanted)] = wanted
    if calls.is_own:
        left = np.maximum(left - counted, 0.0)
    used = np.flatnonzero((counted > 0) | (left > 0))
    return MeasuredStratum(
        used, counted[used], means[used], left[used], within, shape, may_drift=calls.may_drift
    )
