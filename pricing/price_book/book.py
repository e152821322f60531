"""The price book: what a model costs by the best source, and what other sources report.

Layers, highest first: the user's own prices (a flag, `afcost.prices.yaml`), fetched price lists,
the genai-prices package, the project's dated overlay, and published tables of others. A plan pins
the price that it was made with. A model that no layer prices is `Unpriced`: an error with the fix,
never a price of zero. An option without a known price is never priced as standard.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

from pricing.catalog import (
    ModelName,
    Retirement,
    find_caching_rule,
    find_context_window,
    find_host_factor,
    find_retirement,
    provider_ids,
    resolve_model_name,
)
from pricing.errors import NoPrice
from pricing.price_book.choice import choose_source, find_source, format_prices
from pricing.price_book.free_prices import make_unpriced_error, refuse_free, refuse_free_service
from pricing.price_book.listings import (
    apply_billing_rules,
    collect_prices,
    find_listed_fact,
    find_listed_tariff,
)
from pricing.price_book.moved_aliases import find_newer_members
from pricing.price_book.options import (
    apply_surcharge,
    find_price_of_calls,
    find_upgraded_tiers,
    price_others_with_options,
    price_with_options,
    scale_like,
)
from pricing.price_book.region_notes import list_region_notes
from pricing.rates import Offer, PriceOptions, RateCard, Tariff, merge_highest
from pricing.sources import (
    PriceSource,
    PriceTable,
    UserPrice,
    load_bundled_prices,
    load_crosschecks,
    load_overlay,
)


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
        self._model_ids: dict[str, list[str]] = {}  # by provider, once asked for
        self._base = base = load_bundled_prices(day)
        self._fetched = [table for table in fetched_lists if _is_newer(table, base)]
        older = [table for table in fetched_lists if not _is_newer(table, base)]
        crosschecks = [table for table in load_crosschecks() if table.checked <= day]
        overlay = load_overlay(day)
        self.sources: list[PriceSource] = [*self._fetched, base, *older, overlay, *crosschecks]

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
        standard = calls = None
        if options:
            standard = (
                tariff if own else tariff.map_cards(lambda card: merge_highest([card, *others]))
            )
            before = tariff
            tariff, factor = price_with_options(self.sources, name, options, own, tariff)
            others = (
                tuple(price_others_with_options(self.sources, listed, options, others, self.day))
                if own and own.card
                else tuple(scale_like(card, before, tariff, self.day) for card in others)
            )
            notes += [factor.reason] if factor and factor.reason else []
            calls = find_price_of_calls(self.sources, name, options, own, before)
        upgrades = tuple(find_upgraded_tiers(self.sources, name)) if not options else ()
        if any(field == "processing" for field, _ in options):
            standard = None  # a batch is never served as anything else
        offer = Offer(
            tariff, others, own is not None, options, standard, tuple(notes), upgrades, calls
        )
        if not own_server:
            refuse_free(name, offer, self.day)
            if service is not None and own is not None and own.card is not None:
                refuse_free_service(name, offer, service, self.day)
        surcharge = find_host_factor(name.provider, base_url)
        return apply_surcharge(offer, surcharge) if surcharge else offer

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
        read = find_listed_fact(self.sources, name, _read_context_window)
        return find_context_window(name.alias) or (read[1] if read else None)

    def retirement_of(self, name: ModelName) -> Retirement | None:
        """Return when the provider stops serving a model, or None if not known."""
        listed = find_retirement(name.provider, name.id, self.day)
        if listed is not None:
            return listed
        found = find_listed_fact(
            self.sources, name, lambda source, *model: source.retirement_date(*model)
        )
        return Retirement(found[1], None, found[0].name) if found else None

    def min_cached_tokens(self, name: ModelName) -> int:
        """Return the length in tokens of the shortest prefix that is cached."""
        known = find_listed_fact(
            self.sources, name, lambda source, *model: source.min_cached_tokens(*model) or None
        )
        return known[1] if known else find_caching_rule(name.provider, name.id).min_tokens

    def known_tariff(self, provider: str, model_id: str) -> Tariff | None:
        """Return the standard price from the highest source that has one."""
        tariffs = (find_listed_tariff(source, provider, model_id) for source in self.sources)
        return next(filter(None, tariffs), None)

    def model_ids(self, provider: str) -> list[str]:
        """Return the ids of all of a provider's models that some source prices."""
        if provider not in self._model_ids:
            ids = dict.fromkeys(i for source in self.sources for i in source.model_ids(provider))
            priced = [model_id for model_id in ids if self.known_tariff(provider, model_id)]
            self._model_ids[provider] = priced
        return list(self._model_ids[provider])

    def keep_answers(self) -> None:
        """Keep what the installed package said, so that the next process need not import it."""
        self._base.keep_answers()

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
            others = tuple(each.card for each in collect_prices(self.sources, listed, self.day))
            return apply_billing_rules(name, Tariff.flat_rate(card)), others, []
        prices = collect_prices(self.sources, name, self.day)
        if not prices:
            raise make_unpriced_error(name, self.model_ids(name.provider))
        notes: list[str] = []
        if user_price is not None:
            chosen = find_source(name, prices, user_price.use_source)
        else:
            chosen, notes = choose_source(name, prices, self.day, self._fetched)
        others = tuple(price.card for at, price in enumerate(prices) if at != chosen)
        card = prices[chosen].card
        notes += self._note_region(name, card)
        if user_price is None:
            newer = list(self._note_newer_members(name, card))
            others += tuple(each for each, _ in newer)
            notes += dict.fromkeys(note for _, note in newer)
        return prices[chosen].tariff, others, notes

    def _note_region(self, name: ModelName, card: RateCard) -> Iterator[str]:
        """Yield for which region a price is."""
        return list_region_notes(name, card, partial(self._listed_cards, name.provider))

    def _note_newer_members(
        self, name: ModelName, card: RateCard
    ) -> Iterator[tuple[RateCard, str]]:
        """Yield prices of newer models that an alias may mean by now, and what to say of them."""
        ids = self.model_ids(name.provider) if name.id.endswith("-latest") else []
        prices_of = partial(self._listed_cards, name.provider)
        for newer, cards in find_newer_members(name, ids, prices_of, card):
            note = (
                f"price of {name}: {format_prices(card)}; it may mean {newer} by now, at "
                f"{format_prices(merge_highest(cards))}, which reservations use"
            )
            yield from ((replace(each, source=f"{each.source} on {newer}"), note) for each in cards)

    def _listed_cards(self, provider: str, model_id: str) -> list[RateCard]:
        """Return what every source says of a model that is still served."""
        name = ModelName(model_id, provider, model_id)
        retirement = self.retirement_of(name)
        if retirement and retirement.retires_on <= self.day:
            return []
        return [price.card for price in collect_prices(self.sources, name, self.day)]

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


def _bare_id(model_id: str) -> str:
    """Return an id without case and the paths that providers take before it, or leave out."""
    return re.sub(r"^(accounts/fireworks/models/|models/)", "", model_id.lower())


def _is_newer(table: PriceTable, base: PriceSource) -> bool:
    return table.checked >= (getattr(base, "checked", None) or date.min)


def _read_context_window(source: PriceSource, provider: str, model_id: str) -> int | None:
    return source.context_window(provider, model_id) or None
