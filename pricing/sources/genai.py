"""The genai-prices package, the base of the price book.

It is imported only when a price is asked for (it costs half a second). Only its data is used, not
its calculator: that one prices what it is given as one request, treats a missing output price as 0,
and gives the standard price for a service tier that it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache, cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pricing.rates.rate_card import Rate, RateCard
from pricing.rates.service_tiers import Asked
from pricing.rates.tariff import Hours, Period, Tariff
from pricing.sources.dated_ids import models_of
from pricing.sources.table import Rows

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider

_LONG_AGO = date(2000, 1, 1)


class Genai:
    """The package's data, or newer data of its kind.

    Args:
        providers: as the package parses them.
        source: what a card names as its source.
        today: the data was read on its newest dated change up to this day, or later.
    """

    name = "genai-prices"

    def __init__(self, providers: Iterable[Provider], source: str, today: date) -> None:
        self._models = {p.id: {model.id: model for model in p.models} for p in providers}
        self._source = source
        self._today = today

    def tariff(self, provider: str, model_id: str, asked: Asked = ()) -> Tariff | None:
        """Give the prices of a model as asked for; None where it is unpriced, or not known so."""
        model = self._find(provider, model_id)
        if model is None:
            return None
        first = _known_from(model, asked)
        if first is None:
            return None
        make = _Cards(provider, model_id, self._source, self.checked)
        periods = tuple(_periods(model, dict(asked), first, make))
        return Tariff(periods) if periods else None

    def window(self, provider: str, model_id: str) -> int | None:
        """Give the context window in tokens, or None where the package does not know it."""
        model = self._find(provider, model_id)
        return None if model is None else model.context_window

    def retires(self, provider: str, model_id: str) -> date | None:  # noqa: ARG002 - the protocol
        """Give nothing: the package marks deprecated models, but not from when on."""
        return None

    def min_cached(self, provider: str, model_id: str) -> int | None:  # noqa: ARG002
        """Give nothing: the package does not know it."""
        return None

    def ids(self, provider: str) -> list[str]:
        """Give the ids of all of a provider's models."""
        return list(self._models.get(provider, ()))

    def rows(self) -> Rows:
        """Give everything as rows of a `Table`, with every service tier that a model has."""
        return {
            provider: {
                model_id: row
                for model_id, model in models.items()
                if (row := self._row(provider, model))["offers"]
            }
            for provider, models in self._models.items()
        }

    def _row(self, provider: str, model: ModelInfo) -> dict[str, Any]:
        contexts = [(), *(tuple(variant.when.items()) for variant in model.price_variants or ())]
        tariffs = {asked: self.tariff(provider, model.id, asked) for asked in contexts}
        offers = [{"asked": dict(a), "tariff": t.to_json()} for a, t in tariffs.items() if t]
        window = {"window": model.context_window} if model.context_window else {}
        return {"offers": offers, **window}

    def _find(self, provider: str, model_id: str) -> ModelInfo | None:
        """Find a model by its id, or by a dated snapshot of it (`gpt-4o-2024-08-06`).

        The package's own matching also accepts prefixes of other models; that sets no price here.
        """
        by_id = self._models.get(provider, {})
        if model_id in by_id:
            return by_id[model_id]
        listed = (by_id[name] for name in models_of(model_id) if name in by_id)
        return next((model for model in listed if model.is_match(model_id)), None)

    @cached_property
    def checked(self) -> date | None:
        """The newest dated change up to today: the data was read then or later."""
        changes = [
            start
            for models in self._models.values()
            for model in models.values()
            if isinstance(model.prices, list)
            for price in model.prices
            if (start := getattr(price.constraint, "start_date", None)) and start <= self._today
        ]
        return max(changes, default=None)


@cache
def bundled(today: date) -> Genai:
    """Give the data that is installed with the package."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - costs half a second

    return Genai(get_snapshot().providers, f"genai-prices {version('genai-prices')}", today)


class _Cards:
    """Makes cards of the package's prices; None where input or output has no price, or is free.

    A price of 0 is what a table has that could not find one, or a free tier of a few calls a day.
    """

    def __init__(self, provider: str, model: str, source: str, checked: date | None) -> None:
        self._about = {"provider": provider, "model": model, "source": source, "checked": checked}

    def __call__(self, price: ModelPrice) -> RateCard | None:
        output, reasoning = _rate(price.output_mtok), _rate(price.output_reasoning_mtok)
        entry = _rate(price.input_mtok)
        if entry is None or output is None or not (entry.base and output.base):
            return None
        return RateCard(
            **self._about,  # type: ignore[arg-type] # their types are in __init__
            input=entry,
            output=output.or_more(reasoning) if reasoning else output,
            cache_read=_rate(price.cache_read_mtok),
            cache_write=_rate(price.cache_write_mtok or price.cache_write_5m_mtok),
            cache_write_1h=_rate(price.cache_write_1h_mtok),
            per_request=Decimal(str(price.requests_kcount or 0)) / 1000,
        )


def _known_from(model: ModelInfo, asked: Asked) -> date | None:
    """Give the day from which the package knows what is asked for; None where it does not.

    Its own lookup ignores what it does not know and gives the standard price.
    """
    first, wanted = _LONG_AGO, dict(asked)
    for name, value in asked:
        starts = [
            getattr(variant.constraint, "start_date", _LONG_AGO)
            for variant in model.price_variants or ()
            if variant.when.get(name) == value and variant.when.items() <= wanted.items()
        ]
        if not starts:
            return None
        first = max(first, min(starts))
    return first


def _periods(
    model: ModelInfo, asked: dict[str, str], first: date, make: _Cards
) -> Iterator[Period]:
    """Give the periods of a model: for each dated change the usual price, then special hours.

    Of the package's conditions the last active one counts, as of a tariff's periods.
    """
    conditions = [price.constraint for price in _conditional(model)]
    variants = [v.constraint for v in model.price_variants or () if v.when.items() <= asked.items()]
    dated = (getattr(each, "start_date", None) for each in (*conditions, *variants))
    starts: set[date] = {start for start in dated if start}
    windows = [each for each in conditions if getattr(each, "start_time", None)]
    known: list[tuple[RateCard, Hours | None]] = []
    for start in (None if first == _LONG_AGO else first, *sorted(s for s in starts if s > first)):
        day = start or _LONG_AGO
        moments: list[tuple[datetime, Hours | None]] = [(_outside(day, windows), None)]
        for window in windows:
            hours = Hours(_utc(window.start_time), _utc(window.end_time))
            moments.append((datetime.combine(day, hours.start, UTC), hours))
        cards = [(make(model.get_prices(moment, asked)), hours) for moment, hours in moments]
        now = [(card, hours) for card, hours in cards if card is not None]
        if now != known:
            yield from (Period(card, start, hours) for card, hours in now)
        known = now


def _conditional(model: ModelInfo) -> list[Any]:
    return model.prices if isinstance(model.prices, list) else []


def _outside(day: date, windows: list[Any]) -> datetime:
    """Give a moment of a day outside all special hours; its first one where there is none."""
    midnight = datetime.combine(day, time(), UTC)
    quarters = (midnight + timedelta(minutes=15 * number) for number in range(96))
    return next((m for m in quarters if not any(w.active(m) for w in windows)), midnight)


def _utc(clock: time) -> time:
    """Give a time of day in UTC, as the package means one without a zone."""
    if clock.tzinfo is None:
        return clock
    return datetime.combine(_LONG_AGO, clock).astimezone(UTC).time()


def _rate(value: Any) -> Rate | None:  # noqa: ANN401 - the package's own attribute type
    if value is None or isinstance(value, Decimal):
        return None if value is None else Rate(value)
    return Rate(value.base, tuple((tier.start, tier.price) for tier in value.tiers))
