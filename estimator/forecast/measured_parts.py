"""Measured parts: what of a stratum's cost rests on calls that were billed.

These are its own answers, and, of a judge that was not measured, the answers in its prompts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from estimator.forecast.measured_calls import MeasuredCalls, TokenPrices, measure_stratum
from estimator.forecast.output_length import OutputLength
from estimator.forecast.pooling import LengthShape, MeasuredStratum
from estimator.workload import StratumKey, StratumTally

_FEWEST = 5  # measured queries, before their tail says anything
_HEAVY = 2.0  # times the squared coefficient of variation of its kind


@dataclass(frozen=True, slots=True)
class CallsByStratum:
    """The billed calls of an experiment's strata.

    Attributes:
        calls: stratum -> its calls; none of a stratum that has a prior.
        queries: how many the experiment has.
    """

    calls: Mapping[StratumKey, MeasuredCalls]
    queries: int

    def measure(
        self,
        key: StratumKey,
        expected: float,
        limit: int,
        prices: TokenPrices,
        length: OutputLength,
    ) -> list[MeasuredStratum]:
        """Return what a stratum's own calls say, as at most one part.

        Args:
            key: of the stratum.
            expected: how many requests of it are sent, measured or not.
            limit: the most output tokens of one.
            prices: of its tokens.
            length: of its answers.
        """
        calls = self.calls.get(key)
        if calls is None:
            return []
        import numpy as np  # noqa: PLC0415 - slow to import, and only for measured calls

        shape = LengthShape(length.cv_squared, length.query_share)
        wanted = np.full(self.queries, expected / self.queries)
        return [measure_stratum(calls, wanted, limit, prices, shape)]

    def measure_read(
        self,
        key: StratumKey,
        expected: float,
        limit: int,
        price: float,
        length: OutputLength,
    ) -> list[MeasuredStratum]:
        """Return what a stratum's calls say of the prompts that contain its answers.

        Args:
            key: of the stratum whose answers are read.
            expected: how often they are.
            limit: the most output tokens of one of them.
            price: of reading one output token, in US dollars.
            length: of the answers.
        """
        calls = self.calls.get(key)
        if calls is None or price <= 0:
            return []
        read = replace(calls, basis="history")  # also those that are paid are read
        reads = CallsByStratum({key: read}, self.queries)
        return reads.measure(key, expected, limit, TokenPrices(0.0, price), length)

    def count_own(self, key: StratumKey, requests: int) -> int | None:
        """Return how many of a stratum's requests the study has measured answers of."""
        calls = self.calls.get(key)
        if calls is None or not calls.is_own:
            return None
        return min(int((calls.queries < self.queries).sum()), requests)

    def is_heavy_tailed(self, key: StratumKey, length: OutputLength) -> bool | None:
        """Return whether the lengths vary far more than those of their kind; None: not measured.

        The rule: of at least five queries, the squared coefficient of variation of the measured
        calls is more than twice that of their kind (`priors.yaml`): about one in seven models.
        """
        calls = self.calls.get(key)
        if calls is None or calls.query_count < _FEWEST:
            return None
        spread = float(calls.output.var(ddof=1)) / float(calls.output.mean()) ** 2
        return spread > _HEAVY * length.cv_squared

    def share_cut_off(self, key: StratumKey, tally: StratumTally, length: OutputLength) -> float:
        """Return the share of the answers that `max_tokens` cuts off."""
        calls = self.calls.get(key)
        if calls is None:
            return round(length.share_cut_off(tally.max_tokens), 4)
        most = tally.max_output // tally.requests  # over all turns of an answer
        return round(calls.share_cut_off(most), 4)
