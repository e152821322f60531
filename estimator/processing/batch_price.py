"""The batch offers of a plan's models: their own, or today's for a plan of calls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial

from estimator.cached_prefix import index_prefixes
from estimator.forecast import Stratum, price_strata
from estimator.plan import VerifiedPlan
from estimator.workload import PlannedModel, find_batch_offer
from pricing.errors import NoPrice
from pricing.rates import Offer
from providers.addresses import find_service
from providers.registry import load_providers

_LEAST = Decimal("0.25")  # of a planned price


def batch_offer(plan: VerifiedPlan, model: str) -> Offer | None:
    """Return the offer at which a plan's model is asked in batches; None where it has none.

    It is the plan's own where the plan has the model in batches; for a plan of calls it is that of
    today's prices, where it bills no class of tokens above what is reserved for the same call.

    Args:
        plan: as verified now.
        model: as the experiment writes it.
    """
    planned = plan.models[model]
    if planned.offer.is_batch:
        return planned.offer
    provider = load_providers(plan.experiment.spec.providers)[planned.name.provider]
    service = find_service(provider)
    find_offer = partial(
        plan.book.offer_for,
        planned.name,
        base_url=provider.base_url,
        service=service,
        own_server=service is None and provider.kind != "none",
    )
    try:
        offer = find_batch_offer(planned.name, find_offer, planned.offer.options)
    except NoPrice:
        return None
    is_above = offer.highest_on(plan.book.day).classes_above(planned.reserve)
    return None if is_above else offer


def is_far_below(model: PlannedModel, offer: Offer, day: date) -> bool:
    """Return whether a batch offer is below a quarter of a planned price, which no one approved.

    No provider is known whose batches cost less than half of its calls.

    Args:
        model: as planned, by calls.
        offer: of its batches.
        day: whose prices count.
    """
    return bool(model.card.scaled(_LEAST).classes_above(offer.highest_on(day)))


def prefers_calls(plan: VerifiedPlan, model: str, offer: Offer, strata: Iterable[Stratum]) -> bool:
    """Return whether a model's calls, which read cached prompts, likely cost less than its batches.

    Args:
        plan: as verified now.
        model: as the experiment writes it.
        offer: of its batches.
        strata: of the plan.
    """
    planned, day = plan.models[model], plan.book.day
    own = [each for each in strata if each.model == model and each.requests]
    if not planned.caching or not own:
        return False
    calls = price_strata(own, planned.offer.highest_on(day), index_prefixes({model: planned}))
    return calls < price_strata(own, offer.highest_on(day))


def price_as_batch(
    model: PlannedModel, offer: Offer, start: datetime, until: datetime | None
) -> PlannedModel:
    """Return a model with the prices of a batch offer, its reserve the highest of a time.

    Args:
        model: as planned.
        offer: its batch offer.
        start: when its first request may be sent.
        until: when its last one may be billed; None for any later time.
    """
    card, reserve = offer.highest_on(start.date()), offer.reservation_card(start, until)
    # In a batch requests run side by side: each would write what the others cannot read yet.
    return replace(model, offer=offer, card=card, reserve=reserve, caching=())
