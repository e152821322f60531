"""The protocol of a price source."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from pricing.rates import PriceOptions, Tariff


class PriceSource(Protocol):
    """A source of model prices.

    Attributes:
        name: as shown to people and written in a price file: `litellm`, `genai-prices`.
    """

    name: str

    def find_tariff(
        self, provider: str, model_id: str, options: PriceOptions = ()
    ) -> Tariff | None:
        """Return a model's prices with exactly these options, or None where unknown."""
        ...

    def context_window(self, provider: str, model_id: str) -> int | None:
        """Return the context window in tokens."""
        ...

    def retirement_date(self, provider: str, model_id: str) -> date | None:
        """Return the first day on which the provider no longer serves a model."""
        ...

    def min_cached_tokens(self, provider: str, model_id: str) -> int | None:
        """Return the length in tokens of the shortest prefix that the provider caches."""
        ...

    def model_ids(self, provider: str) -> list[str]:
        """Return the ids of all of a provider's models that this source prices."""
        ...
