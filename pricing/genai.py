"""Rate cards from the genai-prices package, the base of the price book.

It is imported only when a price is asked for (it costs half a second). Only its data is used, not
its calculator: that one prices what it is given as one request, and treats a missing price as 0.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pricing.card import Rate, RateCard

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

_SNAPSHOT_OF = r"(-\d{8}|-\d{4}-\d{2}-\d{2})"


def find(provider: str, model_id: str) -> ModelInfo | None:
    """Find a model by its id, or by a dated snapshot of it (`gpt-4o-2024-08-06`); None if absent.

    The package's own matching also accepts prefixes of other models; that never sets a price here.
    """
    source = _providers().get(provider)
    if source is None:
        return None
    for model in source.models:
        if model.id == model_id:
            return model
    for model in source.models:
        stem = re.escape(model.id.removesuffix("-latest").removesuffix("-0"))
        if re.fullmatch(stem + _SNAPSHOT_OF, model_id) and model.is_match(model_id):
            return model
    return None


def card(provider: str, model_id: str, day: date) -> RateCard | None:
    """Give the rate card of a model on a day, at the dearest hour of it; None where unpriced."""
    model = find(provider, model_id)
    if model is None:
        return None
    price = max(_prices_of_day(model, day), key=_dearness)
    if price.input_mtok is None or price.output_mtok is None:
        return None
    output, reasoning = _rate(price.output_mtok), _rate(price.output_reasoning_mtok)
    return RateCard(
        provider=provider,
        model=model_id,
        input=_required(price.input_mtok),
        output=max((r for r in (output, reasoning) if r), key=lambda rate: rate.base),
        cache_read=_rate(price.cache_read_mtok),
        cache_write=_rate(price.cache_write_mtok or price.cache_write_5m_mtok),
        per_request=Decimal(str(price.requests_kcount or 0)) / 1000,
        checked=_newest_change(day),
        source=f"genai-prices {version('genai-prices')}",
    )


def window(provider: str, model_id: str) -> int | None:
    """Give the context window in tokens, or None where the package does not know it."""
    model = find(provider, model_id)
    return None if model is None else model.context_window


def ids(provider: str) -> list[str]:
    """Give the ids of all of a provider's models."""
    source = _providers().get(provider)
    return [model.id for model in source.models] if source else []


def _prices_of_day(model: ModelInfo, day: date) -> list[ModelPrice]:
    hours = (datetime.combine(day, time(hour), UTC) for hour in range(24))
    return [model.get_prices(hour) for hour in hours]


def _dearness(price: ModelPrice) -> Decimal:
    rates = (_rate(price.input_mtok), _rate(price.output_mtok))
    return sum((rate.base for rate in rates if rate), Decimal(0))


def _rate(value: Any) -> Rate | None:  # noqa: ANN401 - the package's own attribute type
    return None if value is None else _required(value)


def _required(value: Any) -> Rate:  # noqa: ANN401
    if isinstance(value, Decimal):
        return Rate(value)
    return Rate(value.base, tuple((tier.start, tier.price) for tier in value.tiers))


@cache
def _providers() -> dict[str, Provider]:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - costs half a second

    return {provider.id: provider for provider in get_snapshot().providers}


@cache
def _newest_change(day: date) -> date | None:
    """Give the newest dated change up to a day: the data was read then or later."""
    changes = [
        start
        for provider in _providers().values()
        for model in provider.models
        if isinstance(model.prices, list)
        for price in model.prices
        if (start := getattr(price.constraint, "start_date", None)) and start <= day
    ]
    return max(changes, default=None)
