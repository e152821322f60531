"""A planned model: its tokenizer, counting method and price."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from estimator.counting import (
    CountingMethod,
    Exactness,
    ModelFamily,
    Tokenizer,
    build_tokenizer,
    find_family,
)
from pricing.catalog import ModelName
from pricing.rates import Offer, RateCard


@dataclass(frozen=True, slots=True)
class PlannedModel:
    """A model of an experiment, resolved and priced.

    Attributes:
        name: the resolved name.
        offer: its pinned prices, at all times and by all sources.
        card: the price that the forecast uses.
        reserve: the largest price that any source knows, for ceilings and reservations.
        window: context window in tokens; None where unknown, and then it is not checked.
        prefill: whether it is sent a final assistant message to continue.
        counting: how its prompts are counted.
    """

    name: ModelName
    offer: Offer
    card: RateCard
    reserve: RateCard
    window: int | None
    prefill: bool
    counting: CountingMethod = CountingMethod()

    @property
    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer that counts what this model's provider bills."""
        return build_tokenizer(self.name.id, self.counting)

    @property
    def vocabulary(self) -> Tokenizer:
        """Return the tokenizer by itself, without anything that the provider has ever said.

        What is booked is compared with its counts: a learned offset, or a count by the provider,
        moves only the forecast, and a reservation upwards.
        """
        own = CountingMethod(self.counting.source, self.counting.fingerprint)
        return build_tokenizer(self.name.id, own)

    @property
    def family(self) -> ModelFamily:
        """Return this model's family."""
        return find_family(self.name.id)

    @property
    def own_vocabulary(self) -> bool:
        """Return whether texts are counted with the model's own vocabulary."""
        return bool(self.counting.source) or self.family.exactness is Exactness.EXACT


def build_planned_model(  # noqa: PLR0913 - what a planned model is made of
    name: ModelName,
    offer: Offer,
    day: date,
    window: int | None,
    provider_prefill: str,
    counting: CountingMethod = CountingMethod(),
) -> PlannedModel:
    """Build a planned model; whether it supports a prefill depends on provider and family.

    Args:
        name: of the model.
        offer: its prices.
        day: on which requests are expected to be sent.
        window: context window in tokens; None where unknown.
        provider_prefill: how the provider accepts a final assistant message, or `none`.
        counting: how its prompts are counted.
    """
    prefill = provider_prefill != "none" and find_family(name.id).prefill
    start = datetime.combine(day, time(), UTC)
    reserve = offer.reservation_card(start, start + timedelta(days=1) - timedelta(seconds=1))
    return PlannedModel(name, offer, offer.highest_on(day), reserve, window, prefill, counting)
