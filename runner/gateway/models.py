"""The models that a program asks for: each is priced when it is first asked for on a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from estimator.recorded import plan_client_model
from estimator.workload import PlannedModel
from pricing.price_book import PriceBook
from pricing.rates import merge_highest
from providers.provider import Provider

_PRICED_FOR = timedelta(days=2)


class PricedModels(dict[str, PlannedModel]):
    """The models of a program, by their names as `provider/model`.

    Args:
        book: the prices.
        providers: where a program may send to, by name.
        pinned: models of an approved plan, whose prices are reserved for too.
    """

    def __init__(
        self,
        book: PriceBook,
        providers: Mapping[str, Provider],
        pinned: Mapping[str, PlannedModel] = {},
    ) -> None:
        super().__init__()
        self._pinned = pinned
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
            self[written] = self._price(written, now)
            self._priced_on[written] = now.date()
        return written

    def _price(self, written: str, now: datetime) -> PlannedModel:
        model = plan_client_model(written, self._book, self._providers, now.date())
        # An answer may come on the next day, or on the one after that, at the price of then.
        offers = [model.offer]
        if written in self._pinned:
            offers.append(self._pinned[written].offer)
        cards = [offer.reservation_card(now, now + _PRICED_FOR) for offer in offers]
        return replace(model, reserve=merge_highest(cards))
