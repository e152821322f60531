"""What the same calls cost at other providers."""

from __future__ import annotations

from estimator.forecast.forecast import likely_cost
from estimator.plan.planner import Estimate


def elsewhere(estimate: Estimate, written: str) -> list[tuple[str, float]]:
    """Give what a model's calls would cost, likely, at its other providers; the cheapest first.

    Returns:
        (provider, US dollars).
    """
    own = [stratum for stratum in estimate.plan.strata if stratum.model == written]
    quotes = []
    model = estimate.plan.models[written]
    for there, offer in estimate.book.elsewhere(model.name, model.offer.asked):
        quotes.append((there.provider, likely_cost(own, offer.card(estimate.on))))
    return sorted(quotes, key=lambda quote: quote[1])
