"""The models that a program asks for, priced, each by its name as `provider/model`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from estimator.counting import (
    CountingMethod,
    calibration_key,
    calibration_path,
    learned_offset,
    vocabulary_id,
)
from estimator.workload import PlannedModel, build_planned_model
from pricing.price_book import PriceBook
from providers.addresses import find_service
from providers.provider import Provider


def plan_client_model(
    written: str, book: PriceBook, providers: Mapping[str, Provider], day: date
) -> PlannedModel:
    """Return a model as it is counted and priced on a day.

    Args:
        written: its name, as `provider/model`, or as an experiment may write it.
        book: the prices.
        providers: where a program may send to, by name.
        day: of its calls.

    Raises:
        UnknownModel, NoPrice: it cannot be priced.
    """
    name = book.resolve_name(written, providers)
    provider = providers[name.provider]
    service = find_service(provider)
    offer = book.offer_for(name, (), provider.base_url, service=service, own_server=service is None)
    counting = CountingMethod()
    tokenizer, key = vocabulary_id(name.id, counting), calibration_key(provider, name.id)
    offset = learned_offset(calibration_path(), key, tokenizer)
    if offset is not None:
        counting = CountingMethod(offset=offset)
    window = book.context_window(name)
    return build_planned_model(name, offer, day, window, provider, counting)
