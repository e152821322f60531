"""Rate: a price in US dollars per million, with steps for long prompts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars per million tokens, with steps for long prompts.

    Attributes:
        base: the price up to the first threshold.
        tiers: (threshold, price): the price once the prompt has more tokens than the threshold. A
            provider that says "at least 200,000" has a threshold of 199,999.
    """

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def __post_init__(self) -> None:
        for price in (self.base, *(price for _, price in self.tiers)):
            if not price.is_finite() or price < 0:
                raise ValueError(f"{price} is not a price: it must be finite and not negative")

    def price_at(self, prompt_tokens: int) -> Decimal:
        """Return the price per million tokens for a prompt of this length."""
        price = self.base
        if not self.tiers:
            return price
        for threshold, tier_price in sorted(self.tiers):
            if prompt_tokens > threshold:
                price = tier_price
        return price

    def highest_up_to(self, prompt_tokens: int) -> Decimal:
        """Return the highest price per million tokens for a prompt of up to this length."""
        if not self.tiers:
            return self.base
        reached = (price for threshold, price in self.tiers if prompt_tokens > threshold)
        return max(self.base, *reached, Decimal(0))

    @property
    def thresholds(self) -> set[int]:
        """Prompt lengths above which another price applies."""
        return {threshold for threshold, _ in self.tiers}

    def scaled(self, factor: Decimal) -> Rate:
        """Return this rate with every price multiplied."""
        return Rate(self.base * factor, tuple((over, p * factor) for over, p in self.tiers))

    def max_with(self, other: Rate) -> Rate:
        """Return the higher of two rates, at every prompt length."""
        steps = sorted(self.thresholds | other.thresholds)
        tiers = tuple(
            (over, max(self.price_at(over + 1), other.price_at(over + 1))) for over in steps
        )
        return Rate(max(self.base, other.base), tiers)

    def exceeds(self, other: Rate) -> bool:
        """Return whether this rate is above another at any prompt length."""
        lengths = [0, *(over + 1 for over in self.thresholds | other.thresholds)]
        return any(self.price_at(length) > other.price_at(length) for length in lengths)

    def to_json(self) -> str | dict[str, Any]:
        """Return a decimal string, or an object where the rate has tiers."""
        if not self.tiers:
            return f"{self.base:f}"
        return {"base": f"{self.base:f}", "tiers": [[over, f"{p:f}"] for over, p in self.tiers]}

    @classmethod
    def from_json(cls, data: str | dict[str, Any]) -> Rate:
        """Read what `to_json` returns."""
        if isinstance(data, str):
            return cls(Decimal(data))
        tiers = tuple((int(over), Decimal(price)) for over, price in data["tiers"])
        return cls(Decimal(data["base"]), tiers)
