"""Terms: what the calls of a planned stratum are counted and priced by."""

from __future__ import annotations

from dataclasses import dataclass

from estimator.forecast import (
    LengthShape,
    MeasuredCalls,
    MeasuredStratum,
    Stratum,
    TokenPrices,
    forecast_output_lengths,
    limit_of_use,
    measure_stratum,
)
from estimator.plan import Plan
from estimator.workload import StratumKey
from experiment.definition import Experiment, list_uses


@dataclass(frozen=True, slots=True)
class StratumTerms:
    """What the calls of a planned stratum are counted and priced by.

    Attributes:
        stratum: as planned.
        max_tokens: of each answer, over all of its turns.
        prices: of its tokens.
        shape: of its kind of answer.
    """

    stratum: Stratum
    max_tokens: int
    prices: TokenPrices
    shape: LengthShape

    @property
    def may_be_unasked(self) -> bool:
        """Whether only the answers decide that it is asked anything."""
        return self.stratum.expected is not None

    def measure(self, calls: MeasuredCalls, queries: int) -> MeasuredStratum:
        """Return what its calls say, in US dollars.

        Args:
            calls: of it.
            queries: how many the experiment has, each asked equally often.
        """
        import numpy as np  # noqa: PLC0415 - slow to import, and only for measured calls

        expected = self.stratum.expected
        requests = self.stratum.requests if expected is None else expected
        wanted = np.full(queries, requests / queries)
        return measure_stratum(calls, wanted, self.max_tokens, self.prices, self.shape)


def find_terms(plan: Plan, experiment: Experiment) -> dict[StratumKey, StratumTerms]:
    """Return what the calls of each planned stratum are counted and priced by.

    Args:
        plan: with its pinned prices.
        experiment: that it plans.
    """
    lengths = forecast_output_lengths(experiment, plan.models)
    limits = {
        StratumKey(use.stage, use.model, use.condition.name): limit_of_use(experiment.spec, use)
        for use in list_uses(experiment.spec)
    }
    terms = {}
    for stratum in plan.strata:
        card, length = plan.models[stratum.model].card, lengths[stratum.key]
        prices = TokenPrices.at_prompt(card, stratum.average_prompt)
        shape = LengthShape(length.cv_squared, length.query_share)
        terms[stratum.key] = StratumTerms(stratum, limits[stratum.key], prices, shape)
    return terms
