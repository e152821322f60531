"""Booking: what an answered attempt cost.

The provider's usage is billed by the pinned card, or its stated cost is taken where it gives one.
Usage below what can be counted here is not believed: the larger is booked and the difference named.
A model need not write what its tokenizer would, so an honest usage may be a few tokens below the
recount of its text; then a few tokens too many are booked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from estimator.counting.token_count import Exactness, TokenCount
from estimator.workload.planned_model import PlannedModel
from pricing.catalog import billing_rules as rules
from pricing.money import Money
from pricing.rates.offer import DEARER_TIERS
from pricing.rates.rate_card import RateCard, dearest_of
from providers.reply import Reply

_UNSAID = "the requested service tier is not confirmed"
_STANDARD = {"", "auto", "default", "standard", "standard_only", "on_demand"}


@dataclass(frozen=True, slots=True)
class Booking:
    """What to settle an attempt at, why where it differs from the usage, and what is broken."""

    billed: Money
    note: str = ""
    breach: str = ""


def card_of(model: PlannedModel, reply: Reply, sent: datetime, answered: datetime) -> RateCard:
    """Give the pinned card that an answer is billed by.

    A price that changed while a request was under way is taken at its dearer side. What was served
    in another service tier than asked is billed by that tier's price, or where it is not known by
    the card that was reserved by.
    """
    moments = (sent, answered)
    if served := dict(model.offer.served).get(reply.tier):
        return dearest_of([*(served.at(moment) for moment in moments), model.offer.at(answered)])
    if _is_other_tier(model, reply):
        return model.reserve
    card = dearest_of([model.offer.at(moment) for moment in moments])
    elsewhere = _elsewhere(model, reply)
    return card.times(elsewhere.times) if elsewhere else card


def _is_other_tier(model: PlannedModel, reply: Reply) -> bool:
    """Say whether an answer may have been served otherwise than asked, at a price of its own.

    A tier that was asked for and is not confirmed is not believed. A stated cost says it all.
    """
    asked = dict(model.offer.asked).get("service_tier", "")
    if reply.stated_cost is not None or {reply.tier, asked} <= _STANDARD:
        return False
    return reply.tier != asked


def _elsewhere(model: PlannedModel, reply: Reply) -> rules.Factor | None:
    """Give what a place costs that an answer was made in and nobody asked for."""
    if not reply.geo or "inference_geo" in dict(model.offer.asked):
        return None
    return rules.factor(model.name.provider, model.name.id, (("inference_geo", reply.geo),))


def _breach(model: PlannedModel, reply: Reply) -> str:
    """Say that an answer was served in a dearer tier that nobody asked for."""
    if (
        reply.tier not in DEARER_TIERS
        or dict(model.offer.asked).get("service_tier") in DEARER_TIERS
    ):
        return ""
    return (
        f"{model.name} was served in the tier {reply.tier}, which was not requested and costs more "
        "than planned; set a service_tier in `sampling` and make a new plan"
    )


def book(  # noqa: PLR0913 - what a booking rests on
    model: PlannedModel, card: RateCard, count: TokenCount, reply: Reply, text: str, max_tokens: int
) -> Booking:
    """Say what an answer cost.

    Args:
        model: with its tokenizer.
        card: what it is billed by, as `card_of` gives it.
        count: the prompt as counted here.
        reply: what the provider answered.
        text: its text, without the prefill that some providers repeat.
        max_tokens: what the request allowed; a recount never books more than that.
    """
    usage, notes = reply.usage, []
    if _is_other_tier(model, reply):
        notes.append(f"served as {reply.tier}, not as requested" if reply.tier else _UNSAID)
    if count.exactness is Exactness.EXACT and usage.prompt < count.tokens:
        notes.append(f"usage reports {usage.prompt} prompt tokens, counted {count.tokens}")
        usage = replace(usage, input=usage.input + count.tokens - usage.prompt)
    written = min(model.tokenizer.count_text(text), max_tokens)
    exact = model.tokenizer.exactness is Exactness.EXACT
    if written and usage.output == 0:  # nobody knows what was billed, hidden reasoning too
        notes.append(f"usage reports 0 output tokens, counted {written}; booked as max_tokens")
        usage = replace(usage, output=max_tokens)
    elif exact and usage.output < written:
        notes.append(f"usage reports {usage.output} output tokens, counted {written}")
        usage = replace(usage, output=written)
    billed = card.cost(usage)
    if reply.stated_cost is not None:
        billed = max(billed, reply.stated_cost) if notes else reply.stated_cost
    return Booking(billed, "; ".join(notes), _breach(model, reply))
