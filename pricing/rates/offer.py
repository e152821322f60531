"""Offer: what a provider asks for a model, and what other sources say that it asks.

A forecast rests on the best source. A reservation rests on the largest price that any source knows,
because one table alone is wrong too often: of 92 popular rows, 4.5 % of genai-prices' and 7.8 % of
litellm's were off by more than 1 %, but the larger of both never understated (`docs/pricing.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from pricing.rates.rate_card import RateCard, dearest_of
from pricing.rates.tariff import Tariff

_NO_RATIO = Decimal(1_000_000)  # between nothing and a price
DEARER_TIERS = ("priority", "fast", "ultrafast")
FARTHEST = Decimal(3)  # sources further apart than this do not speak of the same price
_TIER_FIELDS = ("service_tier", "speed", "inference_geo", "processing")


@dataclass(frozen=True, slots=True)
class Offer:
    """The price of one (provider, model) as asked for, with what is to be known of it.

    Attributes:
        tariff: what is billed, by the best source.
        others: what other sources say on the day of the book; each card names its source.
        named: the user named this price or its source; then no other source raises a reservation.
        asked: what the requests ask for that moves the price, such as `service_tier: flex`.
        standard: the price without that, where it differs: a provider may serve a request as a
            standard one, and bill it so.
        served: prices of dearer tiers that a provider may serve a request in without being asked.
        assumptions: what no source says and was assumed, for a person to read.
    """

    tariff: Tariff
    others: tuple[RateCard, ...] = ()
    named: bool = False
    asked: tuple[tuple[str, str], ...] = ()
    standard: Tariff | None = None
    assumptions: tuple[str, ...] = ()
    served: tuple[tuple[str, Tariff], ...] = ()

    def card(self, day: date) -> RateCard:
        """Give the price of a day, at its dearest hour."""
        return self.tariff.on(day)

    def at(self, moment: datetime) -> RateCard:
        """Give the price that is billed at a moment."""
        return self.tariff.at(moment)

    def reserve(self, start: datetime, end: datetime | None) -> RateCard:
        """Give the card to reserve by: the largest price of any source, at the worst hour.

        Args:
            start: when the first request may be sent.
            end: when the last one may; None means at any later time.
        """
        cards = [self.tariff.dearest(start, end)]
        if self.standard is not None:
            cards.append(self.standard.dearest(start, end))
        return dearest_of(cards if self.named else [*cards, *self.others])

    def disagreement(self, day: date) -> Decimal | None:
        """Give the largest ratio between this price and another source's; None without another."""
        own = self.tariff.usual(day)
        return max((apart(own, other) for other in self.others), default=None)

    def disputed(self, day: date) -> list[RateCard]:
        """Give the other sources' cards that are more than three times apart from this price."""
        if self.named:
            return []
        own = self.tariff.usual(day)
        return [other for other in self.others if apart(own, other) > FARTHEST]

    def to_json(self) -> dict[str, Any]:
        """Give the offer as JSON."""
        return {
            "tariff": self.tariff.to_json(),
            "others": [card.to_json() for card in self.others],
            "named": self.named,
            "asked": dict(self.asked),
            "standard": self.standard and self.standard.to_json(),
            "assumptions": list(self.assumptions),
            "served": {tier: tariff.to_json() for tier, tariff in self.served},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Offer:
        """Read what `to_json` gave."""
        return cls(
            tariff=Tariff.from_json(data["tariff"]),
            others=tuple(RateCard.from_json(card) for card in data["others"]),
            named=data["named"],
            asked=tuple(data["asked"].items()),
            standard=data["standard"] and Tariff.from_json(data["standard"]),
            assumptions=tuple(data["assumptions"]),
            served=tuple((t, Tariff.from_json(each)) for t, each in data["served"].items()),
        )


def apart(one: RateCard, other: RateCard) -> Decimal:
    """Give the larger ratio of two cards' input and output prices, 1 where they agree."""
    pairs = [(one.input.base, other.input.base), (one.output.base, other.output.base)]
    if any(bool(a) != bool(b) for a, b in pairs):
        return _NO_RATIO
    ratios = [max(a, b) / min(a, b) for a, b in pairs if a and b]
    return max(ratios, default=Decimal(1)).quantize(Decimal("0.001"), ROUND_HALF_UP)


def asked_for(sampling: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Give what of a request's parameters may move its price; those that are null do not.

    The fields are the providers' own: OpenAI's, Google's and Groq's `service_tier`, Anthropic's
    `speed` and `inference_geo`. `processing: batch` is set by whoever asks for a batch.
    """
    given = {name: str(sampling[name]) for name in _TIER_FIELDS if sampling.get(name) is not None}
    return tuple(given.items())
