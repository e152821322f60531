"""Source: something that knows prices."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from pricing.rates.service_tiers import Asked
from pricing.rates.tariff import Tariff


class Source(Protocol):
    """Knows what models cost.

    Attributes:
        name: for a person, and to be named in a price file: `litellm`, `genai-prices`.
    """

    name: str

    def tariff(self, provider: str, model_id: str, asked: Asked = ()) -> Tariff | None:
        """Give the prices of a model, or None where this source does not know exactly that."""
        ...

    def window(self, provider: str, model_id: str) -> int | None:
        """Give the context window in tokens."""
        ...

    def retires(self, provider: str, model_id: str) -> date | None:
        """Give the day from which the provider no longer serves a model."""
        ...

    def min_cached(self, provider: str, model_id: str) -> int | None:
        """Give the shortest prefix in tokens that the provider caches."""
        ...

    def ids(self, provider: str) -> list[str]:
        """Give the ids of all of a provider's models that it prices."""
        ...
