"""Listings: what each source says of a model, under whichever of its ids the source lists it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeVar

from pricing.catalog import (
    ModelName,
    bills_unrequested_writes,
    limit_hours_to_weekdays,
    list_price_ids,
)
from pricing.rates import PriceOptions, RateCard, Tariff
from pricing.sources import PriceSource

Fact = TypeVar("Fact")


@dataclass(frozen=True, slots=True)
class SourcedPrice:
    """One source's tariff for a model, and its highest price of this week."""

    source: PriceSource
    tariff: Tariff
    card: RateCard

    @property
    def source_name(self) -> str:
        """The source's name, as `--price MODEL=SOURCE` takes it."""
        return self.source.name


def collect_prices(
    sources: Sequence[PriceSource], name: ModelName, day: date
) -> list[SourcedPrice]:
    """Return the standard price of every source that has one in force, the best source first."""
    for ids in list_price_ids(name.provider, name.id):
        found = [
            SourcedPrice(source, tariff, tariff.typical(day))
            for source in sources
            if (listed := _first_listed(source, name.provider, ids)) is not None
            and (tariff := apply_billing_rules(name, listed)).has_started(day)
        ]
        if found:
            return found
    return []


def find_listed_tariff(
    source: PriceSource, provider: str, model_id: str, options: PriceOptions = ()
) -> Tariff | None:
    """Return a source's price of a model with these options, under the first id that it lists."""
    ids = (each for group in list_price_ids(provider, model_id) for each in group)
    return _first_listed(source, provider, ids, options)


def find_listed_fact(
    sources: Sequence[PriceSource],
    name: ModelName,
    read: Callable[[PriceSource, str, str], Fact | None],
) -> tuple[PriceSource, Fact] | None:
    """Return the first source that knows a fact of a model, and the fact."""
    ids = [each for group in list_price_ids(name.provider, name.id) for each in group]
    for source in sources:
        for model_id in ids:
            if (fact := read(source, name.provider, model_id)) is not None:
                return source, fact
    return None


def apply_billing_rules(name: ModelName, tariff: Tariff) -> Tariff:
    """Apply billing rules to every card: unrequested cache writes, and weekdays."""
    unasked = bills_unrequested_writes(name.provider, name.id)
    tariff = limit_hours_to_weekdays(name.provider, name.id, tariff)
    return tariff.map_cards(
        lambda card: replace(card, writes_unasked=unasked and _has_write_price(card))
    )


def _first_listed(
    source: PriceSource,
    provider: str,
    ids: Sequence[str] | Iterator[str],
    options: PriceOptions = (),
) -> Tariff | None:
    tariffs = (source.find_tariff(provider, each, options) for each in ids)
    return next((tariff for tariff in tariffs if tariff is not None), None)


def _has_write_price(card: RateCard) -> bool:
    return card.cache_write is not None or card.cache_write_1h is not None
