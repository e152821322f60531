"""The price book: what a model costs by the best source, and what other sources report.

Layers, highest first: the user's own prices (a flag, `afcost.prices.yaml`), fetched price lists,
the genai-prices package, the project's dated overlay, and published tables of others. A plan pins
the price that it was made with. A model that no layer prices is `Unpriced`: an error with the fix,
never a price of zero. An option without a known price is never priced as standard.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_CEILING, Decimal
from itertools import combinations

from pricing.catalog import (
    ModelName,
    PriceFactor,
    Retirement,
    bills_unrequested_writes,
    find_caching_rule,
    find_context_window,
    find_host_factor,
    find_option_factor,
    find_retirement,
    limit_hours_to_weekdays,
    provider_ids,
    resolve_model_name,
)
from pricing.errors import Disputed, NoPrice, UnknownTier, Unpriced
from pricing.rates import (
    PREMIUM_TIERS,
    TOKEN_CLASSES,
    Offer,
    PriceOptions,
    RateCard,
    Tariff,
    merge_highest,
    price_ratio,
)
from pricing.resold_prices import ResoldPrices
from pricing.sources import (
    PRICE_FILE,
    GenaiSource,
    PriceSource,
    PriceTable,
    UserPrice,
    load_bundled,
    load_crosschecks,
    load_overlay,
)

_AGREEMENT_RATIO = Decimal("1.01")  # prices no further apart than this agree


@dataclass(frozen=True, slots=True)
class _SourcedPrice:
    """One source's tariff for a model, and its highest price of this week."""

    source: PriceSource
    tariff: Tariff
    card: RateCard

    @property
    def source_name(self) -> str:
        return self.source.name


class PriceBook:
    """Prices as known on a given day.

    Args:
        day: the book holds what was known on this day, including prices announced for later.
        user_prices: the user's own prices, as `read_user_prices` returns them.
        fetched_lists: fetched price lists, as `read_price_lists` returns them. One that is older
            than the installed package's data ranks below it.
        flag_prices: prices from the command line, as `read_price_flags` returns them; they come
            before all others.
    """

    def __init__(
        self,
        day: date,
        user_prices: dict[str, UserPrice] | None = None,
        fetched_lists: Sequence[PriceTable] = (),
        flag_prices: dict[str, UserPrice] | None = None,
    ) -> None:
        self.day = day
        self._user = [flag_prices or {}, user_prices or {}]
        base = load_bundled(day)
        self._fetched = [table for table in fetched_lists if _is_newer(table, base)]
        older = [table for table in fetched_lists if not _is_newer(table, base)]
        crosschecks = [table for table in load_crosschecks() if table.checked <= day]
        overlay = load_overlay(day)
        self.sources: list[PriceSource] = [*self._fetched, base, *older, overlay, *crosschecks]
        self.sources.append(ResoldPrices(tuple(self.sources)))

    def resolve_name(self, model_name_as_written: str, providers: Collection[str]) -> ModelName:
        """Resolve a written model name (see `model_names.resolve_model_name`)."""
        return resolve_model_name(
            model_name_as_written, providers, self._has_price, self._find_candidates
        )

    def offer_for(
        self,
        name: ModelName,
        options: PriceOptions = (),
        base_url: str = "",
        *,
        service: str | None = None,
        own_server: bool = False,
    ) -> Offer:
        """Return a provider's offer for a model.

        Args:
            name: the model.
            options: request options that change the price, see `extract_price_options`.
            base_url: where requests go, as the host may add a surcharge.
            service: the provider whose paid API they reach, where that is known. It may be
                another than the named one, and its prices are what the user's is compared with.
            own_server: they reach a server of the user's own, which may cost nothing.

        Raises:
            Unpriced: no layer has a price; the text says what to write into which file.
            UnknownTier: no layer has a price with these options.
            Disputed: a price of zero at what others have a price for, or at a paid API.
        """
        own = self._find_user_price(name)
        listed = self._listed_name(name, service) if own and own.card else name
        tariff, others, notes = self._find_standard_price(name, listed, own)
        standard = None
        if options:
            standard = (
                tariff if own else tariff.map_cards(lambda card: merge_highest([card, *others]))
            )
            before = tariff
            tariff, factor = self._price_with_options(name, options, own, tariff)
            others = (
                tuple(self._price_others_with_options(listed, options, others))
                if own and own.card
                else tuple(_scaled_like(card, before, tariff, self.day) for card in others)
            )
            notes += [factor.reason] if factor and factor.reason else []
        upgrades = tuple(self._find_upgraded_tiers(name)) if not options else ()
        if any(field == "processing" for field, _ in options):
            standard = None  # a batch is never served as anything else
        offer = Offer(tariff, others, own is not None, options, standard, tuple(notes), upgrades)
        if not own_server:
            _refuse_free(name, offer, self.day)
            if service is not None and own is not None and own.card is not None:
                _refuse_free_service(name, offer, service, self.day)
        surcharge = find_host_factor(name.provider, base_url)
        return _apply_surcharge(offer, surcharge) if surcharge else offer

    def standard_card(self, name: ModelName) -> RateCard:
        """Return a model's standard price on the book's day, at its most expensive hour."""
        return self.offer_for(name).highest_on(self.day)

    def offers_at_other_providers(
        self, name: ModelName, options: PriceOptions = ()
    ) -> Iterator[tuple[ModelName, Offer]]:
        """Yield the model's offers at other providers of its alias that still serve it."""
        for provider, model_id in provider_ids(name.alias).items():
            other = ModelName(f"{provider}/{model_id}", provider, model_id, name.alias)
            retirement = self.retirement_of(other)
            if provider == name.provider or (retirement and retirement.retires_on <= self.day):
                continue
            try:
                yield other, self.offer_for(other, options)
            except NoPrice:
                continue

    def context_window(self, name: ModelName) -> int | None:
        """Return the context window in tokens, or None where no source knows it."""
        windows = (source.context_window(name.provider, name.id) for source in self.sources)
        return find_context_window(name.alias) or next(filter(None, windows), None)

    def retirement_of(self, name: ModelName) -> Retirement | None:
        """Return when the provider stops serving a model, or None if not known."""
        listed = find_retirement(name.provider, name.id, self.day)
        if listed is not None:
            return listed
        for source in self.sources:
            if day := source.retirement_date(name.provider, name.id):
                return Retirement(day, None, source.name)
        return None

    def min_cached_tokens(self, name: ModelName) -> int:
        """Return the length in tokens of the shortest prefix that is cached."""
        minima = (source.min_cached_tokens(name.provider, name.id) for source in self.sources)
        known = next(filter(None, minima), None)
        return known or find_caching_rule(name.provider, name.id).min_tokens

    def known_tariff(self, provider: str, model_id: str) -> Tariff | None:
        """Return the standard price from the highest source that has one."""
        tariffs = (source.find_tariff(provider, model_id) for source in self.sources)
        return next(filter(None, tariffs), None)

    def model_ids(self, provider: str) -> list[str]:
        """Return the ids of all of a provider's models that some source prices."""
        ids = dict.fromkeys(i for source in self.sources for i in source.model_ids(provider))
        return [model_id for model_id in ids if self.known_tariff(provider, model_id)]

    def _find_user_price(self, name: ModelName) -> UserPrice | None:
        prices = (layer[key] for layer in self._user for key in name.price_keys if key in layer)
        return next(prices, None)

    def _listed_name(self, name: ModelName, service: str | None) -> ModelName:
        """Return the name under which sources list a model, however the user spells it."""
        provider = service or name.provider
        at_service = provider_ids(name.alias).get(provider, name.id) if name.alias else name.id
        if not self._has_price(provider, at_service):
            wanted = _bare_id(at_service)
            same = (known for known in self.model_ids(provider) if _bare_id(known) == wanted)
            at_service = next(same, at_service)
        return replace(name, provider=provider, id=at_service)

    def _find_standard_price(
        self, name: ModelName, listed: ModelName, user_price: UserPrice | None
    ) -> tuple[Tariff, tuple[RateCard, ...], list[str]]:
        """Return the standard price, the other sources' prices, and notes for the reader."""
        if user_price is not None and user_price.card is not None:
            card = replace(user_price.card, provider=name.provider, model=name.id)
            others = tuple(price.card for price in self._collect_source_prices(listed))
            return self._with_rules(name, Tariff.flat_rate(card)), others, []
        prices = list(self._collect_source_prices(name))
        if not prices:
            raise Unpriced(_unpriced_message(name, self.model_ids(name.provider)))
        notes: list[str] = []
        if user_price is not None:
            chosen = _find_source(name, prices, user_price.use_source)
        else:
            chosen, notes = self._choose_source(name, prices)
        others = tuple(price.card for at, price in enumerate(prices) if at != chosen)
        return prices[chosen].tariff, others, notes

    def _collect_source_prices(self, name: ModelName) -> Iterator[_SourcedPrice]:
        """Yield the standard price from every source that has one in force."""
        for source in self.sources:
            tariff = source.find_tariff(name.provider, name.id)
            if tariff is not None and tariff.has_started(self.day):
                ruled = self._with_rules(name, tariff)
                yield _SourcedPrice(source, ruled, ruled.typical(self.day))

    def _choose_source(self, name: ModelName, prices: list[_SourcedPrice]) -> tuple[int, list[str]]:
        """Choose the highest source, unless two others, no older, agree on another price.

        A single table is wrong now and then; two are rarely wrong in the same way.
        """
        best, since = prices[0], self._last_verified_on(prices[0])
        voting = [
            (at, price)
            for at, price in enumerate(prices)
            if price.card.checked is not None and price.card.checked >= since
        ]
        for (at, one), (_, other) in combinations(voting, 2):
            if (
                price_ratio(best.card, one.card)
                > _AGREEMENT_RATIO
                >= price_ratio(one.card, other.card)
            ):
                both = (
                    f"{one.source_name} and {other.source_name} agree on {_format_prices(one.card)}"
                )
                return at, [
                    f"price of {name}: {both}; {best.source_name} says {_format_prices(best.card)}"
                ]
        return 0, []

    def _last_verified_on(self, best: _SourcedPrice) -> date:
        """Return the latest day on which the best source is known to be right.

        The package's data has no date of its own: only the dated changes of a row are certain.
        """
        if best.source in self._fetched:
            return self.day  # all installed data is older than a fetched list
        if not isinstance(best.source, GenaiSource):
            return best.card.checked or date.min
        starts = (period.start for period in best.tariff.periods if period.start)
        return max((start for start in starts if start <= self.day), default=date.min)

    def _price_with_options(
        self, name: ModelName, options: PriceOptions, user_price: UserPrice | None, standard: Tariff
    ) -> tuple[Tariff, PriceFactor | None]:
        """Return the price with options: the user's, a source's, or the standard by a rule."""
        for option, card in user_price.tiers if user_price else ():
            if (option,) == options:
                own = replace(card, provider=name.provider, model=name.id)
                return self._with_rules(name, Tariff.flat_rate(own)), None
        for source in self.sources:
            if user_price is not None and source.name != user_price.use_source:
                continue
            tariff = source.find_tariff(name.provider, name.id, options)
            if tariff is not None:
                return self._with_rules(name, tariff), None
        ruled = tuple(
            each for each in options if find_option_factor(name.provider, name.id, (each,))
        )
        rest = tuple(each for each in options if each not in ruled)
        if rest and ruled:
            standard, _ = self._price_with_options(name, rest, user_price, standard)
        factor = find_option_factor(name.provider, name.id, ruled) if ruled else None
        if factor is None:
            what = ", ".join(f"{field}: {value}" for field, value in options)
            raise UnknownTier(
                f"{name} with {what}: no price is known for it, and the standard price is not "
                f"assumed. Remove it, or set a batch, flex or priority price in {PRICE_FILE}"
            )
        return standard.map_cards(lambda card: card.scaled(factor.multiplier)), factor

    def _price_others_with_options(
        self, name: ModelName, options: PriceOptions, standard: tuple[RateCard, ...]
    ) -> Iterator[RateCard]:
        """Yield what others say of a model with options, whatever the user's own price is.

        Where they say nothing, their standard price is taken: no discount is threefold.
        """
        tariffs = [source.find_tariff(name.provider, name.id, options) for source in self.sources]
        if any(tariffs):
            yield from (self._with_rules(name, each).typical(self.day) for each in tariffs if each)
            return
        factor = find_option_factor(name.provider, name.id, options)
        yield from (card.scaled(factor.multiplier) if factor else card for card in standard)

    def _find_upgraded_tiers(self, name: ModelName) -> Iterator[tuple[str, Tariff]]:
        """Yield the premium tiers that a provider might use unrequested."""
        for tier in PREMIUM_TIERS:
            asked = (("service_tier", tier),)
            tariffs = (source.find_tariff(name.provider, name.id, asked) for source in self.sources)
            if tariff := next(filter(None, tariffs), None):
                yield tier, self._with_rules(name, tariff)

    def _with_rules(self, name: ModelName, tariff: Tariff) -> Tariff:
        """Apply billing rules to every card: unrequested cache writes, and weekdays."""
        unasked = bills_unrequested_writes(name.provider, name.id)
        tariff = limit_hours_to_weekdays(name.provider, name.id, tariff)
        return tariff.map_cards(
            lambda card: replace(card, writes_unasked=unasked and _has_write_price(card))
        )

    def _has_price(self, provider: str, model_id: str) -> bool:
        return self.known_tariff(provider, model_id) is not None

    def _find_candidates(self, model_id: str, providers: Collection[str]) -> list[str]:
        """Return `provider/id` of every known model whose id is, or ends with, this one."""
        wanted = model_id.lower()
        return [
            f"{provider}/{known}"
            for provider in sorted(providers)
            for known in self.model_ids(provider)
            if known.lower() == wanted or known.lower().endswith(f"/{wanted}")
        ]


def _find_source(name: ModelName, prices: list[_SourcedPrice], source: str) -> int:
    """Return the position of the source that the user chose."""
    names = [price.source_name for price in prices]
    if source not in names:
        raise Unpriced(
            f"{name}: {source!r} has no price for it; sources that do: {', '.join(names)}"
        )
    return names.index(source)


def _bare_id(model_id: str) -> str:
    """Return an id without case and the paths that providers take before it, or leave out."""
    return re.sub(r"^(accounts/fireworks/models/|models/)", "", model_id.lower())


def _has_write_price(card: RateCard) -> bool:
    return card.cache_write is not None or card.cache_write_1h is not None


def _is_newer(table: PriceTable, base: PriceSource) -> bool:
    return table.checked >= (getattr(base, "checked", None) or date.min)


def _scaled_like(card: RateCard, standard: Tariff, with_options: Tariff, day: date) -> RateCard:
    """Return another source's standard price, scaled as the option scales the best source's."""
    before, after = standard.highest_on(day), with_options.highest_on(day)
    ratios = {
        name: (after.rate_of_class(name).base / before.rate_of_class(name).base).quantize(
            Decimal("0.000001"), ROUND_CEILING
        )
        for name in TOKEN_CLASSES
        if before.rate_of_class(name).base
    }
    return card.map_rates(lambda name, rate: rate.scaled(ratios.get(name, Decimal(1))))


def _refuse_free(name: ModelName, offer: Offer, day: date) -> None:
    """Refuse a price of zero where other sources know a price: no cap could hold with it."""
    card = offer.tariff.typical(day)
    if offer.alternatives and not (card.input.base and card.output.base):
        known = ", ".join(f"{other.source} {_format_prices(other)}" for other in offer.alternatives)
        raise Disputed(
            f"price of {name}: {card.source} says {_format_prices(card)}, but others have "
            f"a price: {known}. Correct it in the price file, or remove it to use theirs"
        )


def _refuse_free_service(name: ModelName, offer: Offer, service: str, day: date) -> None:
    """Refuse a price of the user's that is zero, anywhere in it, at a paid API."""
    tariffs = [offer.tariff, *([offer.standard] if offer.standard else [])]
    for card in (tariff.typical(day) for tariff in tariffs):
        rates = (card.input, card.output)
        if not all(price for rate in rates for price in (rate.base, *(p for _, p in rate.tiers))):
            raise Disputed(
                f"price of {name}: {card.source} says {_format_prices(card)}, but a price of zero "
                f"is only for a server of one's own, and its requests go to {service}'s. Set what "
                f"{service} bills"
            )


def _apply_surcharge(offer: Offer, surcharge: PriceFactor) -> Offer:
    def add_surcharge(card: RateCard) -> RateCard:
        return card.scaled(surcharge.multiplier)

    return replace(
        offer,
        tariff=offer.tariff.map_cards(add_surcharge),
        upgraded_tiers=tuple(
            (tier, tariff.map_cards(add_surcharge)) for tier, tariff in offer.upgraded_tiers
        ),
        alternatives=tuple(add_surcharge(card) for card in offer.alternatives),
        standard=offer.standard and offer.standard.map_cards(add_surcharge),
        assumptions=(*offer.assumptions, surcharge.reason),
    )


def _format_prices(card: RateCard) -> str:
    return f"${card.input.base:f} in / ${card.output.base:f} out"


def _unpriced_message(name: ModelName, ids: list[str]) -> str:
    near = difflib.get_close_matches(name.id, ids, n=3, cutoff=0.6)
    hint = f" {name.provider} has {', '.join(near)}." if near else ""
    return (
        f"{name} is unpriced: no source has a price for model {name.id!r} "
        f"at {name.provider}.{hint} To set one, add this line under `prices:` in {PRICE_FILE} next "
        f'to the experiment:\n    {name}: {{input: "…", output: "…"}}   # USD per million tokens'
    )
