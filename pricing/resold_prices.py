"""Resold prices: what a cloud charges for another's model where no table has a price of the cloud.

A cloud that sells a lab's models charges the lab's price for them, as `resold_prices.yaml` says
with its sources. It is an assumption, which the source of such a price states.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

import yaml

from pricing.catalog import provider_ids
from pricing.rates import PriceOptions, Tariff
from pricing.sources import PriceSource


@dataclass(frozen=True, slots=True)
class _Resale:
    """Whose price a cloud's models have; `models` matches a whole id."""

    provider: str
    models: str
    as_at: str
    checked: date
    source: str


class ResoldPrices:
    """A price source of clouds that sell what other providers make.

    Args:
        sources: of the makers' prices, the best first.
    """

    name = "lab's price"

    def __init__(self, sources: Sequence[PriceSource]) -> None:
        self._sources = sources

    def find_tariff(
        self, provider: str, model_id: str, options: PriceOptions = ()
    ) -> Tariff | None:
        """Return the maker's prices of a model with these options."""
        for resale in _find_resales(provider, model_id):
            made = _id_at_maker(resale, model_id)
            tariffs = (each.find_tariff(resale.as_at, made, options) for each in self._sources)
            if tariff := next(filter(None, tariffs), None):
                assumed = f"{resale.as_at}'s price, assumed for {provider}: {resale.source}"
                return tariff.map_cards(
                    lambda card: replace(
                        card,
                        provider=provider,
                        model=model_id,
                        source=f"{card.source}; {assumed}",  # noqa: B023 - called at once
                    )
                )
        return None

    def context_window(self, provider: str, model_id: str) -> int | None:
        """Return the context window in tokens."""
        for resale in _find_resales(provider, model_id):
            made = _id_at_maker(resale, model_id)
            windows = (each.context_window(resale.as_at, made) for each in self._sources)
            if window := next(filter(None, windows), None):
                return window
        return None

    def retirement_date(self, _provider: str, _model_id: str) -> date | None:
        """Return None: a cloud retires models on days of its own."""
        return None

    def min_cached_tokens(self, _provider: str, _model_id: str) -> int | None:
        """Return None: a cloud caches by rules of its own."""
        return None

    def model_ids(self, provider: str) -> list[str]:
        """Return the ids of all models that a cloud sells for their makers."""
        made = {
            (resale, model_id)
            for resale in _load_resales()
            if resale.provider == provider
            for source in self._sources
            for model_id in source.model_ids(resale.as_at)
        }
        return sorted(id_ for resale, id_ in made if re.fullmatch(resale.models, id_))


def _find_resales(provider: str, model_id: str) -> Iterator[_Resale]:
    known = (each for each in _load_resales() if each.provider == provider)
    return (each for each in known if re.fullmatch(each.models, model_id))


def _id_at_maker(resale: _Resale, model_id: str) -> str:
    """Return what the maker calls a model: by its alias, or with its date written as there."""
    return provider_ids(model_id).get(resale.as_at) or model_id.replace("@", "-")


@cache
def _load_resales() -> tuple[_Resale, ...]:
    text = Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")
    return tuple(_Resale(**row) for row in yaml.safe_load(text))
