"""The models that a program asks for: each is priced when it is first asked for on a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from estimator.counting import (
    CountingMethod,
    calibration_key,
    calibration_path,
    learned_offset,
    vocabulary_id,
)
from estimator.workload import PlannedModel, build_planned_model
from pricing.catalog import ModelName
from pricing.price_book import PriceBook
from providers.addresses import find_service
from providers.provider import Provider

_PRICED_FOR = timedelta(days=2)


class PricedModels(dict[str, PlannedModel]):
    """The models of a program, by their names as `provider/model`.

    Args:
        book: the prices.
        providers: where a program may send to, by name.
    """

    def __init__(self, book: PriceBook, providers: Mapping[str, Provider]) -> None:
        super().__init__()
        self._book = book
        self._providers = providers
        self._priced_on: dict[str, date] = {}

    def find(self, provider: str, model: str) -> str:
        """Return the name of a model, which is priced by then.

        Args:
            provider: that is asked.
            model: its id, as the program writes it.

        Raises:
            UnknownModel, NoPrice: it cannot be priced.
        """
        written, now = f"{provider}/{model}", datetime.now(UTC)
        if self._priced_on.get(written) != now.date():
            name = self._book.resolve_name(written, self._providers)
            self[written] = self._price(name, now)
            self._priced_on[written] = now.date()
        return written

    def _price(self, name: ModelName, now: datetime) -> PlannedModel:
        provider = self._providers[name.provider]
        service = find_service(provider)
        offer = self._book.offer_for(
            name, (), provider.base_url, service=service, own_server=service is None
        )
        counting = CountingMethod()
        tokenizer, key = vocabulary_id(name.id, counting), calibration_key(provider, name.id)
        offset = learned_offset(calibration_path(), key, tokenizer)
        if offset is not None:
            counting = CountingMethod(offset=offset)
        window = self._book.context_window(name)
        model = build_planned_model(name, offer, now.date(), window, provider, counting)
        # An answer may come on the next day, or on the one after that, at the price of then.
        return replace(model, reserve=offer.reservation_card(now, now + _PRICED_FOR))
