"""What the same calls cost at other providers."""

from __future__ import annotations

from estimator.forecast import price_strata
from estimator.plan.planner import Estimate


def cost_at_other_providers(
    estimate: Estimate, model_name_as_written: str
) -> list[tuple[str, float]]:
    """Return what a model's calls would likely cost at other providers, cheapest first.

    Returns:
        (provider, US dollars).
    """
    strata = [each for each in estimate.plan.strata if each.model == model_name_as_written]
    model = estimate.plan.models[model_name_as_written]
    offers = estimate.book.offers_at_other_providers(model.name, model.offer.options)
    costs = [
        (name.provider, price_strata(strata, offer.highest_on(estimate.run_date)))
        for name, offer in offers
    ]
    return sorted(costs, key=lambda cost: cost[1])
