"""Offer: a provider's price for a model, with the prices that other sources report.

A forecast uses the best source. A reservation uses the highest price of any source, because a
single table is wrong too often: of 92 popular rows, 4.5 % of genai-prices' and 7.8 % of litellm's
were off by more than 1 %, but the higher of both was never too low (`docs/pricing.md`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from pricing.rates.rate_card import RateCard, merge_highest
from pricing.rates.tariff import Tariff

_UNBOUNDED_RATIO = Decimal(1_000_000)  # between zero and a price
PREMIUM_TIERS = ("priority", "fast", "ultrafast")
MAX_PRICE_RATIO = Decimal(3)  # sources further apart than this do not mean the same price
LONGEST_BATCH = timedelta(hours=96)  # that any provider takes for one (`batches.yaml`)
_TIER_FIELDS = ("service_tier", "speed", "inference_geo", "processing")


@dataclass(frozen=True, slots=True)
class Offer:
    """The price of one (provider, model) with the requested options, and its provenance.

    Attributes:
        tariff: what is billed, by the best source.
        alternatives: the other sources' prices on the day of the book; each card names its source.
        user_chosen: the user set this price or chose its source; then no other source raises a
            reservation.
        options: the request options that change the price, such as `service_tier: flex`.
        standard: the price without options, where it differs: a provider may serve and bill a
            request as a standard one.
        upgraded_tiers: prices of more expensive tiers in which a provider may serve a request
            unrequested.
        calls: of an offer of batches, the price of the same requests as calls, by which it is told
            what batches save; None in plans of before.
        assumptions: what was assumed because no source states it, for people to read.
    """

    tariff: Tariff
    alternatives: tuple[RateCard, ...] = ()
    user_chosen: bool = False
    options: tuple[tuple[str, str], ...] = ()
    standard: Tariff | None = None
    assumptions: tuple[str, ...] = ()
    upgraded_tiers: tuple[tuple[str, Tariff], ...] = ()
    calls: Tariff | None = None

    @property
    def is_batch(self) -> bool:
        """Whether this is the price of requests in batches."""
        return ("processing", "batch") in self.options

    def highest_on(self, day: date) -> RateCard:
        """Return the price of a day, at its most expensive hour."""
        return self.tariff.highest_on(day)

    def card_at(self, moment: datetime) -> RateCard:
        """Return the price that is billed at a moment."""
        return self.tariff.card_at(moment)

    def reservation_card(self, start: datetime, end: datetime | None) -> RateCard:
        """Return the card to reserve by: the highest price of any source at any hour.

        A batch may be billed by the price of the day on which it ends.

        Args:
            start: when the first request may be sent.
            end: when the last one may be; None means any later time.
        """
        if self.is_batch and end is not None:
            end += LONGEST_BATCH
        cards = [self.tariff.highest_between(start, end)]
        if self.standard is not None:
            cards.append(self.standard.highest_between(start, end))
        return merge_highest(cards if self.user_chosen else [*cards, *self.alternatives])

    def disagreement_ratio(self, day: date) -> Decimal | None:
        """Return the largest ratio to another source's price; None without another."""
        own = self.tariff.typical(day)
        return max((price_ratio(own, other) for other in self.alternatives), default=None)

    def disputing_cards(self, day: date) -> list[RateCard]:
        """Return the other sources' cards that differ by more than a factor of three."""
        if self.user_chosen:
            return []
        own = self.tariff.typical(day)
        return [other for other in self.alternatives if price_ratio(own, other) > MAX_PRICE_RATIO]

    def to_json(self) -> dict[str, Any]:
        """Return the offer as JSON."""
        return {
            "tariff": self.tariff.to_json(),
            "others": [card.to_json() for card in self.alternatives],
            "named": self.user_chosen,
            "asked": dict(self.options),
            "standard": self.standard and self.standard.to_json(),
            "assumptions": list(self.assumptions),
            "served": {tier: tariff.to_json() for tier, tariff in self.upgraded_tiers},
            **({"calls": self.calls.to_json()} if self.calls else {}),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Offer:
        """Read what `to_json` returns."""
        return cls(
            tariff=Tariff.from_json(data["tariff"]),
            alternatives=tuple(RateCard.from_json(card) for card in data["others"]),
            user_chosen=data["named"],
            options=tuple(data["asked"].items()),
            standard=data["standard"] and Tariff.from_json(data["standard"]),
            assumptions=tuple(data["assumptions"]),
            upgraded_tiers=tuple((t, Tariff.from_json(each)) for t, each in data["served"].items()),
            calls=Tariff.from_json(data["calls"]) if data.get("calls") else None,
        )


def price_ratio(one: RateCard, other: RateCard) -> Decimal:
    """Return the larger ratio of two cards' input and output prices; 1 where they agree.

    A fee for each request counts where both have one: most tables know of none.
    """
    pairs = [(one.input.base, other.input.base), (one.output.base, other.output.base)]
    if one.per_request and other.per_request:
        pairs.append((one.per_request, other.per_request))
    if any(bool(a) != bool(b) for a, b in pairs):
        return _UNBOUNDED_RATIO
    ratios = [max(a, b) / min(a, b) for a, b in pairs if a and b]
    return max(ratios, default=Decimal(1)).quantize(Decimal("0.001"), ROUND_HALF_UP)


def underpricing_ratio(own: RateCard, other: RateCard) -> Decimal:
    """Return how many times more another card bills, where it bills the most more; 1 at least.

    All classes are compared, at every prompt length: a cap is broken by any one of them.
    """
    classes = {"input", "output", "cache_read"}
    if own.writes_unasked or other.writes_unasked:
        classes |= {"cache_write", "cache_write_1h"}
    pairs = [(own.per_request, other.per_request)]
    for name in classes:
        ours, theirs = own.rate_of_class(name), other.rate_of_class(name)
        lengths = [0, *(over + 1 for over in ours.thresholds | theirs.thresholds)]
        pairs += [(ours.price_at(length), theirs.price_at(length)) for length in lengths]
    ratios = [b / a if a else _UNBOUNDED_RATIO for a, b in pairs if b > a]
    return max(ratios, default=Decimal(1)).quantize(Decimal("0.001"), ROUND_HALF_UP)


def extract_price_options(sampling: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the request parameters that may change its price; null values are ignored.

    The fields are the providers' own: OpenAI's, Google's and Groq's `service_tier`, Anthropic's
    `speed` and `inference_geo`. A model that is asked in batches has `processing: batch` besides,
    which is not a field that is sent.
    """
    given = {name: str(sampling[name]) for name in _TIER_FIELDS if sampling.get(name) is not None}
    return tuple(given.items())
