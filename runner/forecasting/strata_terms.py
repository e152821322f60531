"""Strata terms: what the calls of a planned stratum are counted and priced by."""

from __future__ import annotations

from dataclasses import dataclass

from estimator.forecast import (
    LengthShape,
    MeasuredCalls,
    MeasuredStratum,
    Stratum,
    TokenPrices,
    limit_of_use,
    measure_stratum,
    prior_length,
)
from estimator.plan import Plan
from estimator.workload import StratumKey
from experiment.definition import ExperimentSpec, list_uses


@dataclass(frozen=True, slots=True)
class StratumTerms:
    """What the calls of a planned stratum are counted and priced by.

    Attributes:
        stratum: as planned.
        max_tokens: of each answer, over all of its turns.
        prices: of its tokens.
        shape: of its kind of answer.
        samples: of an answer, or a judge's votes about one.
    """

    stratum: Stratum
    max_tokens: int
    prices: TokenPrices
    shape: LengthShape
    samples: int = 1

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


def find_terms(plan: Plan, spec: ExperimentSpec) -> dict[StratumKey, StratumTerms]:
    """Return what the calls of each planned stratum are counted and priced by.

    Args:
        plan: with its pinned prices.
        spec: of the experiment that it plans.
    """
    uses = {StratumKey(use.stage, use.model, use.condition.name): use for use in list_uses(spec)}
    terms = {}
    for stratum in plan.strata:
        use, model = uses[stratum.key], plan.models[stratum.model]
        length = prior_length(spec, use, model)
        terms[stratum.key] = StratumTerms(
            stratum,
            limit_of_use(spec, use),
            TokenPrices.at_prompt(model.card, stratum.average_prompt),
            LengthShape(length.cv_squared, length.query_share),
            use.samples,
        )
    return terms
