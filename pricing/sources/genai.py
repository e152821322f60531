"""The genai-prices package, the base of the price book.

It is imported only when a price is needed (it takes half a second). Only its data is used, not its
calculator, which prices all usage as one request, treats a missing output price as 0, and returns
the standard price for a service tier that it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache, cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pricing.rates import EXTRA_CLASSES, Hours, Period, PriceOptions, Rate, RateCard, Tariff
from pricing.sources.dated_ids import base_model_ids
from pricing.sources.table import PriceRows

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices

_EARLIEST_DAY = date(2000, 1, 1)
_SAME_ROWS = {"vertex": "google"}  # providers whose models the package lists under another one


class GenaiSource:
    """The package's data, or a newer version of it.

    Args:
        providers: as parsed by the package.
        source: the source that its cards name.
        today: changes that are dated later do not show when the data was read; see `checked`.
    """

    name = "genai-prices"

    def __init__(self, providers: Iterable[Provider], source: str, today: date) -> None:
        self._listed = {p.id: {model.id: model for model in p.models} for p in providers}
        same = {name: self._listed.get(listed, {}) for name, listed in _SAME_ROWS.items()}
        self._models = same | self._listed
        self._source = source
        self._today = today

    def find_tariff(
        self, provider: str, model_id: str, options: PriceOptions = ()
    ) -> Tariff | None:
        """Return a model's prices with these options; None where unpriced or not known."""
        model = self._find_model(provider, model_id)
        if model is None:
            return None
        first = _first_known_day(model, options)
        if first is None:
            return None
        make = _CardBuilder(provider, model_id, self._source, self.checked)
        periods = tuple(_build_periods(model, dict(options), first, make))
        return Tariff(periods) if periods else None

    def context_window(self, provider: str, model_id: str) -> int | None:
        """Return the context window in tokens, or None where the package does not know it."""
        model = self._find_model(provider, model_id)
        return None if model is None else model.context_window

    def retirement_date(self, _provider: str, _model_id: str) -> date | None:
        """Return None: the package marks deprecated models, but gives no date."""
        return None

    def min_cached_tokens(self, _provider: str, _model_id: str) -> int | None:
        """Return None: the package does not know it."""
        return None

    def model_ids(self, provider: str) -> list[str]:
        """Return the ids of all of a provider's models."""
        return list(self._models.get(provider, ()))

    def to_rows(self) -> PriceRows:
        """Return all prices as rows of a `PriceTable`, with every service tier of each model."""
        return {
            provider: {
                model_id: row
                for model_id, model in models.items()
                if (row := self._build_row(provider, model))["offers"]
            }
            for provider, models in self._listed.items()
        }

    def _build_row(self, provider: str, model: ModelInfo) -> dict[str, Any]:
        contexts = [(), *(tuple(variant.when.items()) for variant in model.price_variants or ())]
        tariffs = {asked: self.find_tariff(provider, model.id, asked) for asked in contexts}
        offers = [{"asked": dict(a), "tariff": t.to_json()} for a, t in tariffs.items() if t]
        window = {"window": model.context_window} if model.context_window else {}
        return {"offers": offers, **window}

    def _find_model(self, provider: str, model_id: str) -> ModelInfo | None:
        """Find a model by its id, or by a dated snapshot of it (`gpt-4o-2024-08-06`).

        The package's own matching also accepts prefixes of other models; that is not used here.
        """
        by_id = self._models.get(provider, {})
        if model_id in by_id:
            return by_id[model_id]
        listed = (by_id[name] for name in base_model_ids(model_id) if name in by_id)
        return next((model for model in listed if model.is_match(model_id)), None)

    @cached_property
    def checked(self) -> date | None:
        """The newest dated change up to today: the data was read on that day or later."""
        return max((day for day in self.change_days() if day <= self._today), default=None)

    def change_days(self) -> list[date]:
        """Return the days on which some price changes, announced ones among them."""
        starts: set[date] = {
            start
            for models in self._listed.values()
            for model in models.values()
            if isinstance(model.prices, list)
            for price in model.prices
            if (start := getattr(price.constraint, "start_date", None))
        }
        return sorted(starts)


@cache
def load_bundled(today: date) -> GenaiSource:
    """Load the data that is installed with the package."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - costs half a second

    return GenaiSource(get_snapshot().providers, f"genai-prices {version('genai-prices')}", today)


class _CardBuilder:
    """Builds cards from the package's prices; None where input or output is unpriced or free.

    In a table, a price of 0 means an unknown price, or a free tier of a few calls a day.
    """

    def __init__(self, provider: str, model: str, source: str, checked: date | None) -> None:
        self._about = {"provider": provider, "model": model, "source": source, "checked": checked}

    def __call__(self, price: ModelPrice) -> RateCard | None:
        output, reasoning = _parse_rate(price.output_mtok), _parse_rate(price.output_reasoning_mtok)
        prompt = _parse_rate(price.input_mtok)
        if prompt is None or output is None or not (prompt.base and output.base):
            return None
        return RateCard(
            **self._about,  # type: ignore[arg-type] # their types are in __init__
            input=prompt,
            output=output.max_with(reasoning) if reasoning else output,
            cache_read=_parse_rate(price.cache_read_mtok),
            cache_write=_parse_rate(price.cache_write_mtok or price.cache_write_5m_mtok),
            cache_write_1h=_parse_rate(price.cache_write_1h_mtok),
            per_request=Decimal(str(price.requests_kcount or 0)) / 1000,
            extra=tuple(
                (name, rate) for name in EXTRA_CLASSES if (rate := _find_extra(price, name))
            ),
        )


def _find_extra(price: ModelPrice, name: str) -> Rate | None:
    """Return the price of a million of what is billed beside texts; None where unknown or free."""
    if name == "search":
        rate = _parse_rate(getattr(price, "web_searches_kcount", None))
        rate = rate and rate.scaled(Decimal(1000))
    else:
        rate = _parse_rate(getattr(price, f"{name}_mtok", None))
    return rate if rate and rate.base else None


def _first_known_day(model: ModelInfo, options: PriceOptions) -> date | None:
    """Return the first day on which the package knows these options; None if never.

    Its own lookup ignores unknown options and returns the standard price.
    """
    first, wanted = _EARLIEST_DAY, dict(options)
    for name, value in options:
        starts = [
            getattr(variant.constraint, "start_date", _EARLIEST_DAY)
            for variant in model.price_variants or ()
            if variant.when.get(name) == value and variant.when.items() <= wanted.items()
        ]
        if not starts:
            return None
        first = max(first, min(starts))
    return first


def _build_periods(
    model: ModelInfo, options: dict[str, str], first_day: date, build_card: _CardBuilder
) -> Iterator[Period]:
    """Yield a model's periods: for each dated change the usual price, then special hours.

    As with a tariff's periods, the last active one of the package's conditions counts.
    """
    conditions = [price.constraint for price in _conditional_prices(model)]
    variants = [
        v.constraint for v in model.price_variants or () if v.when.items() <= options.items()
    ]
    dated = (getattr(each, "start_date", None) for each in (*conditions, *variants))
    starts: set[date] = {start for start in dated if start}
    windows = [each for each in conditions if getattr(each, "start_time", None)]
    known: list[tuple[RateCard, Hours | None]] = []
    for start in (
        None if first_day == _EARLIEST_DAY else first_day,
        *sorted(s for s in starts if s > first_day),
    ):
        day = start or _EARLIEST_DAY
        moments: list[tuple[datetime, Hours | None]] = [(_moment_outside(day, windows), None)]
        for window in windows:
            hours = Hours(_to_utc(window.start_time), _to_utc(window.end_time))
            moments.append((datetime.combine(day, hours.start, UTC), hours))
        cards = [
            (build_card(model.get_prices(moment, options)), hours) for moment, hours in moments
        ]
        now = [(card, hours) for card, hours in cards if card is not None]
        if now != known:
            yield from (Period(card, start, hours) for card, hours in now)
        known = now


def _conditional_prices(model: ModelInfo) -> list[Any]:
    return model.prices if isinstance(model.prices, list) else []


def _moment_outside(day: date, windows: list[Any]) -> datetime:
    """Return a moment of a day outside all special hours; midnight where there is none."""
    midnight = datetime.combine(day, time(), UTC)
    quarters = (midnight + timedelta(minutes=15 * number) for number in range(96))
    return next((m for m in quarters if not any(w.active(m) for w in windows)), midnight)


def _to_utc(clock: time) -> time:
    """Return a time of day in UTC; a time without a zone is UTC."""
    if clock.tzinfo is None:
        return clock
    return datetime.combine(_EARLIEST_DAY, clock).astimezone(UTC).time()


def _parse_rate(value: Decimal | TieredPrices | None) -> Rate | None:
    if value is None or isinstance(value, Decimal):
        return None if value is None else Rate(value)
    return Rate(value.base, tuple((tier.start, tier.price) for tier in value.tiers))
