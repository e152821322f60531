"""RateCard: the price of one model at one provider, and how it is applied to usage.

A card is plain data: it is pinned in a plan as decimal strings and read back unchanged. Long
prompts may cost more: the rate whose threshold the prompt exceeds applies to all of its tokens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Any

from pricing.money import PICO_PER_USD, Money
from pricing.usage import Usage

_PICO_PER_TOKEN = Decimal(PICO_PER_USD) / 1_000_000  # of a price of 1 USD per million tokens


@dataclass(frozen=True, slots=True)
class Rate:
    """US dollars per million tokens, with steps for long prompts.

    Attributes:
        base: the price up to the first threshold.
        tiers: (threshold, price): the price once the prompt has more tokens than the threshold.
    """

    base: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def __post_init__(self) -> None:
        for price in (self.base, *(price for _, price in self.tiers)):
            if not price.is_finite() or price < 0:
                raise ValueError(f"{price} is not a price: it must be finite and not negative")

    def at(self, prompt_tokens: int) -> Decimal:
        """Give the price per million tokens for a prompt of this length."""
        price = self.base
        for threshold, tier_price in sorted(self.tiers):
            if prompt_tokens > threshold:
                price = tier_price
        return price

    def dearest(self, prompt_tokens: int) -> Decimal:
        """Give the highest price per million tokens for a prompt of up to this length."""
        reached = (price for threshold, price in self.tiers if prompt_tokens > threshold)
        return max(self.base, *reached, Decimal(0))

    def to_json(self) -> str | dict[str, Any]:
        """Give a decimal string, or an object where the rate has tiers."""
        if not self.tiers:
            return str(self.base)
        return {"base": str(self.base), "tiers": [[over, str(p)] for over, p in self.tiers]}

    @classmethod
    def from_json(cls, data: str | dict[str, Any]) -> Rate:
        """Read what `to_json` gave."""
        if isinstance(data, str):
            return cls(Decimal(data))
        tiers = tuple((int(over), Decimal(price)) for over, price in data["tiers"])
        return cls(Decimal(data["base"]), tiers)


@dataclass(frozen=True, slots=True)
class RateCard:
    """The price of one (provider, model).

    Attributes:
        input, output: USD per million tokens.
        cache_read, cache_write: the same for cached prompt tokens; None where no price is known,
            and then the input price applies.
        per_request: USD for each request.
        writes_unasked: the provider may bill cache writes that the request did not ask for.
        checked: the day on which the source was read.
        source: where the price comes from, for a person to follow.
        disagreement: largest ratio to another source, or None where there is no other.
    """

    provider: str
    model: str
    input: Rate
    output: Rate
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    per_request: Decimal = Decimal(0)
    writes_unasked: bool = False
    checked: date | None = None
    source: str = ""
    disagreement: Decimal | None = None

    def cost(self, usage: Usage) -> Money:
        """Price one request's usage, rounded up to a whole pico-dollar."""
        prompt = usage.prompt
        per_million = (
            usage.input * self.input.at(prompt)
            + usage.output * self.output.at(prompt)
            + usage.cache_read * (self.cache_read or self.input).at(prompt)
            + usage.cache_write * (self.cache_write or self.input).at(prompt)
        )
        return _round_up(per_million * _PICO_PER_TOKEN + self.per_request * PICO_PER_USD)

    def ceiling(self, prompt_tokens: int, max_output_tokens: int) -> Money:
        """Give the most that a request can cost: its prompt at the dearest class that may apply."""
        dearest = max(rate.dearest(prompt_tokens) for rate in self._prompt_rates())
        output = max_output_tokens * self.output.dearest(prompt_tokens)
        per_million = prompt_tokens * dearest + output
        return _round_up(per_million * _PICO_PER_TOKEN + self.per_request * PICO_PER_USD)

    def _prompt_rates(self) -> list[Rate]:
        rates = [self.input, self.cache_read]
        if self.writes_unasked:
            rates.append(self.cache_write)
        return [rate for rate in rates if rate is not None]

    def to_json(self) -> dict[str, Any]:
        """Give the card as JSON: prices as decimal strings, dates in ISO form."""
        return {
            "provider": self.provider,
            "model": self.model,
            "input": self.input.to_json(),
            "output": self.output.to_json(),
            "cache_read": self.cache_read and self.cache_read.to_json(),
            "cache_write": self.cache_write and self.cache_write.to_json(),
            "per_request": str(self.per_request),
            "writes_unasked": self.writes_unasked,
            "checked": self.checked and self.checked.isoformat(),
            "source": self.source,
            "disagreement": None if self.disagreement is None else str(self.disagreement),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RateCard:
        """Read what `to_json` gave."""

        def rate(name: str) -> Rate | None:
            return None if data[name] is None else Rate.from_json(data[name])

        return cls(
            provider=data["provider"],
            model=data["model"],
            input=Rate.from_json(data["input"]),
            output=Rate.from_json(data["output"]),
            cache_read=rate("cache_read"),
            cache_write=rate("cache_write"),
            per_request=Decimal(data["per_request"]),
            writes_unasked=data["writes_unasked"],
            checked=data["checked"] and date.fromisoformat(data["checked"]),
            source=data["source"],
            disagreement=None if data["disagreement"] is None else Decimal(data["disagreement"]),
        )

    def same_price(self, other: RateCard) -> bool:
        """Say whether both cards bill the same, wherever they were read."""
        billed = ("input", "output", "cache_read", "cache_write", "per_request", "writes_unasked")
        return all(getattr(self, name) == getattr(other, name) for name in billed)


def _round_up(pico: Decimal) -> Money:
    return Money(int(pico.to_integral_value(ROUND_CEILING)))
