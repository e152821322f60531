"""Rate card: the price of one model at one provider at one time, and how usage is priced.

A card is plain data: it is pinned in a plan as decimal strings and read back unchanged. Long
prompts may cost more: the rate whose threshold the prompt exceeds applies to all of its tokens.
A `Tariff` holds the cards of one model over time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_CEILING, Decimal
from operator import mul
from typing import Any

from pricing.money import PICO_PER_USD, Money
from pricing.rates.extra_rates import (
    ExtraRates,
    extra_rates_from_json,
    extra_rates_to_json,
    merge_extra_rates,
)
from pricing.rates.rate import Rate
from pricing.usage import Usage

_PICO_PER_TOKEN = Decimal(PICO_PER_USD) / 1_000_000  # at a price of 1 USD per million tokens
TOKEN_CLASSES = ("input", "output", "cache_read", "cache_write", "cache_write_1h")


@dataclass(frozen=True, slots=True)
class RateCard:
    """The price of one (provider, model).

    Attributes:
        input, output: USD per million tokens.
        cache_read: the same for prompt tokens read from a cache.
        cache_write, cache_write_1h: for prompt tokens written to a cache, for five minutes (or the
            provider's own time) and for an hour. None where no price is known; then the input
            price applies, never zero.
        per_request: USD for each request.
        writes_unasked: the provider may bill cache writes that were not requested.
        checked: the day on which the source was read.
        source: where the price comes from, for people to look up.
        extra: (class, rate) of what is billed beside the tokens of texts, see `EXTRA_CLASSES`.
    """

    provider: str
    model: str
    input: Rate
    output: Rate
    cache_read: Rate | None = None
    cache_write: Rate | None = None
    cache_write_1h: Rate | None = None
    per_request: Decimal = Decimal(0)
    writes_unasked: bool = False
    checked: date | None = None
    source: str = ""
    extra: ExtraRates = ()
    # What `_find_whole_prices` found, once it was asked.
    _whole: list[tuple[int, ...] | None] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not self.per_request.is_finite() or self.per_request < 0:
            raise ValueError(f"{self.per_request} is not a price per request")

    def cost(self, usage: Usage) -> Money:
        """Price one request's usage, rounded up to a whole pico-dollar."""
        return self._price(usage, usage.output)

    def cost_of_output(self, usage: Usage) -> Money:
        """Return how much less a request would cost if it had been given no tokens."""
        return self._price(usage, usage.output) - self._price(usage, 0)

    def _price(self, usage: Usage, output: int) -> Money:
        counts = (usage.input, output, usage.cache_read, usage.cache_write, usage.cache_write_1h)
        if not self._whole:
            self._whole.append(self._find_whole_prices())
        if (whole := self._whole[0]) is not None:
            return Money(sum(map(mul, counts, whole), whole[-1]))
        prompt, per_million = usage.prompt_tokens, Decimal(0)
        for name, count in zip(TOKEN_CLASSES, counts, strict=True):
            if count:
                per_million += count * self.rate_of_class(name).price_at(prompt)
        return _round_up(per_million * _PICO_PER_TOKEN + self.per_request * PICO_PER_USD)

    def _find_whole_prices(self) -> tuple[int, ...] | None:
        """Return the pico-dollars of a token of each class, and of a request by itself.

        None where one of them is no whole number, or depends on the length of the prompt.
        """
        rates = [self.rate_of_class(name) for name in TOKEN_CLASSES]
        prices = [rate.base * _PICO_PER_TOKEN for rate in rates]
        prices.append(self.per_request * PICO_PER_USD)
        if any(rate.tiers for rate in rates) or any(price != int(price) for price in prices):
            return None
        return tuple(map(int, prices))

    def worst_case_cost(self, prompt_tokens: int, max_output_tokens: int) -> Money:
        """Return the most a request can cost: its prompt billed at the highest possible class."""
        highest = max(rate.highest_up_to(prompt_tokens) for rate in self._prompt_rates())
        output = max_output_tokens * self.output.highest_up_to(prompt_tokens)
        per_million = prompt_tokens * highest + output
        return _round_up(per_million * _PICO_PER_TOKEN + self.per_request * PICO_PER_USD)

    def with_writes(self, *, for_an_hour: bool) -> RateCard:
        """Return this card where requests ask for cache writes, for five minutes or an hour."""
        if self.writes_unasked:
            return self
        hour = self.rate_of_class("cache_write_1h") if for_an_hour else None
        return replace(self, writes_unasked=True, cache_write_1h=hour)

    def rate_of_class(self, token_class: str) -> Rate:
        """Return the rate of one of `TOKEN_CLASSES`, or the input rate where none is known."""
        known: Rate | None = getattr(self, token_class)
        return known or self.input

    def classes_above(self, other: RateCard) -> list[str]:
        """Return the classes in which this card may bill more than another."""
        names = [
            name
            for name in self._billed_classes() | other._billed_classes()
            if self.rate_of_class(name).exceeds(other.rate_of_class(name))
        ]
        if self.per_request > other.per_request:
            names.append("per_request")
        return sorted(names)

    def has_same_price(self, other: RateCard) -> bool:
        """Return whether both cards bill the same, whatever their sources."""
        billed = (*TOKEN_CLASSES, "per_request", "writes_unasked")
        return all(getattr(self, name) == getattr(other, name) for name in billed)

    def map_rates(self, change: Callable[[str, Rate], Rate]) -> RateCard:
        """Return this card with every known rate transformed by its class and rate."""
        known = {name: getattr(self, name) for name in TOKEN_CLASSES}
        changed = {name: change(name, rate) for name, rate in known.items() if rate is not None}
        return replace(self, **changed)  # type: ignore[arg-type] # of TOKEN_CLASSES

    def scaled(self, factor: Decimal) -> RateCard:
        """Return this card with every price multiplied."""
        changed = self.map_rates(lambda _, rate: rate.scaled(factor))
        extra = tuple((name, rate.scaled(factor)) for name, rate in self.extra)
        return replace(changed, per_request=self.per_request * factor, extra=extra)

    def _billed_classes(self) -> set[str]:
        writes = {"cache_write", "cache_write_1h"} if self.writes_unasked else set()
        return {"input", "output", "cache_read"} | writes

    def _prompt_rates(self) -> Iterator[Rate]:
        return (self.rate_of_class(name) for name in self._billed_classes() - {"output"})

    def to_json(self) -> dict[str, Any]:
        """Return the card as JSON: prices as decimal strings, dates in ISO form."""
        rates = {name: getattr(self, name) for name in TOKEN_CLASSES}
        return {
            "provider": self.provider,
            "model": self.model,
            **{name: rate and rate.to_json() for name, rate in rates.items()},
            "per_request": f"{self.per_request:f}",
            "writes_unasked": self.writes_unasked,
            "checked": self.checked and self.checked.isoformat(),
            "source": self.source,
            **extra_rates_to_json(self.extra),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RateCard:
        """Read what `to_json` returns."""
        rates = {name: data[name] and Rate.from_json(data[name]) for name in TOKEN_CLASSES}
        return cls(
            provider=data["provider"],
            model=data["model"],
            **rates,
            per_request=Decimal(data["per_request"]),
            writes_unasked=data["writes_unasked"],
            checked=data["checked"] and date.fromisoformat(data["checked"]),
            source=data["source"],
            extra=extra_rates_from_json(data),
        )


def merge_highest(cards: Sequence[RateCard]) -> RateCard:
    """Merge cards into one, named as the first, that bills the highest rate in every class.

    A class without a price of its own is billed, and therefore compared, as input.
    """
    first, *others = cards
    for other in others:
        names = (n for n in TOKEN_CLASSES if getattr(first, n) or getattr(other, n))
        rates = {
            name: first.rate_of_class(name).max_with(other.rate_of_class(name)) for name in names
        }
        first = replace(
            first,
            **rates,  # type: ignore[arg-type] # of TOKEN_CLASSES
            per_request=max(first.per_request, other.per_request),
            writes_unasked=first.writes_unasked or other.writes_unasked,
            extra=merge_extra_rates(first.extra, other.extra),
        )
    return first


def _round_up(pico: Decimal) -> Money:
    return Money(int(pico.to_integral_value(ROUND_CEILING)))
