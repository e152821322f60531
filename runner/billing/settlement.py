"""Settlement: what an answered attempt cost.

The provider's usage is billed by the pinned card, or its stated cost is taken where it gives one.
Usage below what can be counted here is not trusted: the larger count is settled, and a note names
the difference. A model need not split its text as its tokenizer would, so an honest usage may be a
few tokens below the recount; then a few tokens too many are settled.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from estimator.counting import Exactness, TokenCount
from estimator.workload import PlannedModel
from pricing.catalog import PriceFactor, find_option_factor
from pricing.money import Money
from pricing.rates import PREMIUM_TIERS, RateCard, merge_highest
from providers.reply import ModelResponse

_TIER_UNCONFIRMED = "the requested service tier is not confirmed"
_STANDARD_TIERS = {"", "auto", "default", "standard", "standard_only", "on_demand"}


@dataclass(frozen=True, slots=True)
class Settlement:
    """The amount to settle, a note where it differs from the usage, and any breach."""

    billed: Money
    note: str = ""
    breach: str = ""


def applicable_card(
    model: PlannedModel, response: ModelResponse, sent_at: datetime, answered_at: datetime
) -> RateCard:
    """Return the pinned rate card that an answer is billed by.

    Of a price that changed while a request was in flight, the higher one applies. What was served
    in another service tier than requested is billed by that tier's price or, where that is not
    known, by the card that was reserved by.
    """
    moments = (sent_at, answered_at)
    if served := dict(model.offer.upgraded_tiers).get(response.tier):
        return merge_highest(
            [*(served.card_at(moment) for moment in moments), model.offer.card_at(answered_at)]
        )
    if _is_other_tier(model, response):
        return model.reserve
    card = merge_highest([model.offer.card_at(moment) for moment in moments])
    factor = _geo_factor(model, response)
    return card.scaled(factor.multiplier) if factor else card


def _is_other_tier(model: PlannedModel, response: ModelResponse) -> bool:
    """Return whether the answer may have been served in a tier other than the one requested.

    A requested tier must be confirmed. A stated cost includes whatever the tier was.
    """
    requested = dict(model.offer.options).get("service_tier", "")
    if response.stated_cost is not None or {response.tier, requested} <= _STANDARD_TIERS:
        return False
    return response.tier != requested


def _geo_factor(model: PlannedModel, response: ModelResponse) -> PriceFactor | None:
    """Return the price factor of the region that served the answer, if none was requested."""
    if not response.geo or "inference_geo" in dict(model.offer.options):
        return None
    return find_option_factor(
        model.name.provider, model.name.id, (("inference_geo", response.geo),)
    )


def _tier_breach(model: PlannedModel, response: ModelResponse) -> str:
    """Describe a breach: the answer was served in a more expensive tier that was not requested."""
    if (
        response.tier not in PREMIUM_TIERS
        or dict(model.offer.options).get("service_tier") in PREMIUM_TIERS
    ):
        return ""
    return (
        f"{model.name} was served in the tier {response.tier}, which was not requested "
        "and costs more than planned; set a service_tier in `sampling` and make a new plan"
    )


def compute_settlement(  # noqa: PLR0913 - what a settlement rests on
    model: PlannedModel,
    card: RateCard,
    count: TokenCount,
    response: ModelResponse,
    text: str,
    max_tokens: int,
) -> Settlement:
    """Compute what an answer cost.

    Args:
        model: with its tokenizer.
        card: what it is billed by, as `applicable_card` gives it.
        count: the prompt as counted here.
        response: what the provider answered.
        text: its text, without the prefill that some providers repeat.
        max_tokens: what the request allowed; a recount never settles more than that.
    """
    usage, notes = response.usage, []
    if _is_other_tier(model, response):
        notes.append(
            f"served as {response.tier}, not as requested" if response.tier else _TIER_UNCONFIRMED
        )
    if count.exactness is Exactness.EXACT and usage.prompt_tokens < count.tokens:
        notes.append(f"usage reports {usage.prompt_tokens} prompt tokens, counted {count.tokens}")
        usage = replace(usage, input=usage.input + count.tokens - usage.prompt_tokens)
    written = min(model.tokenizer.count_text(text), max_tokens)
    exact = model.tokenizer.exactness is Exactness.EXACT
    if written and usage.output == 0:  # what was billed is unknown, hidden reasoning too
        notes.append(f"usage reports 0 output tokens, counted {written}; booked as max_tokens")
        usage = replace(usage, output=max_tokens)
    elif exact and usage.output < written:
        notes.append(f"usage reports {usage.output} output tokens, counted {written}")
        usage = replace(usage, output=written)
    billed = card.cost(usage)
    if response.stated_cost is not None:
        billed = max(billed, response.stated_cost) if notes else response.stated_cost
    return Settlement(billed, "; ".join(notes), _tier_breach(model, response))
