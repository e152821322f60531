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
    own = [stratum for stratum in estimate.plan.strata if stratum.model == model_name_as_written]
    quotes = []
    model = estimate.plan.models[model_name_as_written]
    for there, offer in estimate.book.offers_at_other_providers(model.name, model.offer.options):
        quotes.append((there.provider, price_strata(own, offer.highest_on(estimate.run_date))))
    return sorted(quotes, key=lambda quote: quote[1])
