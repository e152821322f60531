"""The price book: what a model costs, from the best source, and what other sources say.

Layers, highest first: what the user says (a flag, `afcost.prices.yaml`), refreshed price lists, the
genai-prices package, the project's dated overlay, and published tables of others. A plan pins what
the book said. A model that no layer prices is `Unpriced`: an error with the fix, never a price of
zero; and what is asked of a request and not priced is never taken for the standard.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_CEILING, Decimal
from itertools import combinations

from pricing.catalog import billing_rules as rules
from pricing.catalog import model_names as names
from pricing.catalog.model_names import ModelName
from pricing.catalog.retirements import Retirement, retirement
from pricing.errors import Disputed, NoPrice, UnknownTier, Unpriced
from pricing.rates.offer import DEARER_TIERS, Offer, apart
from pricing.rates.rate_card import CLASSES, RateCard, dearest_of
from pricing.rates.service_tiers import Asked
from pricing.rates.tariff import Tariff
from pricing.sources.base import Source
from pricing.sources.crosscheck import crosschecks
from pricing.sources.genai import Genai, bundled
from pricing.sources.overlay import overlay
from pricing.sources.table import Table
from pricing.sources.user_prices import PRICE_FILE, UserPrice

_SAME = Decimal("1.01")  # prices no further apart than this agree


@dataclass(frozen=True, slots=True)
class _Said:
    """What a source says of a model: its tariff, and its price of this week at its dearest hour."""

    source: Source
    tariff: Tariff
    card: RateCard

    @property
    def name(self) -> str:
        return self.source.name


class PriceBook:
    """Prices as known on one day.

    Args:
        day: the day of the book: what was known by then. Dated prices of later days are in it.
        user: the user's own prices, as `user.read_user_prices` and `read_flags` give them.
        refreshed: price lists that were fetched, as `sources.refreshed.read` gives them. One that
            is older than the installed package's data stands behind it.
        flags: the user's prices that come before all others.
    """

    def __init__(
        self,
        day: date,
        user: dict[str, UserPrice] | None = None,
        refreshed: Sequence[Table] = (),
        flags: dict[str, UserPrice] | None = None,
    ) -> None:
        self.day = day
        self._user = [flags or {}, user or {}]
        base = bundled(day)
        self._fetched = [table for table in refreshed if _is_newer(table, base)]
        older = [table for table in refreshed if not _is_newer(table, base)]
        read = [table for table in crosschecks() if table.checked <= day]
        self.sources: list[Source] = [*self._fetched, base, *older, overlay(day), *read]

    def resolve(self, written: str, providers: Collection[str]) -> ModelName:
        """Find which provider and model a written name means (see `names.resolve`)."""
        return names.resolve(written, providers, self._has, self._offered)

    def offer(self, name: ModelName, asked: Asked = (), base_url: str = "") -> Offer:
        """Give what a provider asks for a model.

        Args:
            name: the model.
            asked: what requests ask for that moves their price, as `offer.asked_for` gives it.
            base_url: where requests go, if that may move it.

        Raises:
            Unpriced: no layer has a price; the text says what to write into which file.
            UnknownTier: no layer has a price for what is asked.
        """
        said = self._said(name)
        tariff, others, notes = self._standard(name, said)
        standard = None
        if asked:
            standard = tariff if said else tariff.each(lambda card: dearest_of([card, *others]))
            before = tariff
            tariff, factor = self._as_asked(name, asked, said, tariff)
            others = tuple(_moved(card, before, tariff, self.day) for card in others)
            notes += [factor.why] if factor and factor.why else []
        served = tuple(self._served(name)) if not asked else ()
        if any(field == "processing" for field, _ in asked):
            standard = None  # a batch is never served as anything else
        offer = Offer(tariff, others, said is not None, asked, standard, tuple(notes), served)
        _refuse_free(name, offer, self.day)
        surcharge = rules.host_factor(name.provider, base_url)
        return _surcharged(offer, surcharge) if surcharge else offer

    def card(self, name: ModelName) -> RateCard:
        """Give the standard price of a model on the book's day, at its dearest hour."""
        return self.offer(name).card(self.day)

    def elsewhere(self, name: ModelName, asked: Asked = ()) -> Iterator[tuple[ModelName, Offer]]:
        """Give the same model at the other providers of the alias table that still serve it."""
        for provider, model_id in names.hosts(name.alias).items():
            there = ModelName(f"{provider}/{model_id}", provider, model_id, name.alias)
            gone = self.retirement(there)
            if provider == name.provider or (gone and gone.on <= self.day):
                continue
            try:
                yield there, self.offer(there, asked)
            except NoPrice:
                continue

    def window(self, name: ModelName) -> int | None:
        """Give the context window in tokens, or None where no source knows it."""
        known = (source.window(name.provider, name.id) for source in self.sources)
        return names.window(name.alias) or next((window for window in known if window), None)

    def retirement(self, name: ModelName) -> Retirement | None:
        """Give when the provider stops serving a model, as far as it is known."""
        own = retirement(name.provider, name.id, self.day)
        if own is not None:
            return own
        for source in self.sources:
            if day := source.retires(name.provider, name.id):
                return Retirement(day, None, source.name)
        return None

    def min_cached(self, name: ModelName) -> int:
        """Give the shortest prefix in tokens that is cached."""
        known = (source.min_cached(name.provider, name.id) for source in self.sources)
        least = next((tokens for tokens in known if tokens), None)
        return least or rules.caching(name.provider, name.id).least

    def known(self, provider: str, model_id: str) -> Tariff | None:
        """Give the standard price of the highest source that has one."""
        known = (source.tariff(provider, model_id) for source in self.sources)
        return next((tariff for tariff in known if tariff), None)

    def ids(self, provider: str) -> list[str]:
        """Give the ids of all of a provider's models that some source prices."""
        ids = dict.fromkeys(i for source in self.sources for i in source.ids(provider))
        return [model_id for model_id in ids if self.known(provider, model_id)]

    def _said(self, name: ModelName) -> UserPrice | None:
        said = (layer[key] for layer in self._user for key in name.keys if key in layer)
        return next(said, None)

    def _standard(
        self, name: ModelName, said: UserPrice | None
    ) -> tuple[Tariff, tuple[RateCard, ...], list[str]]:
        """Give the standard price, what the other sources say, and what a reader must know."""
        if said is not None and said.card is not None:
            card = replace(said.card, provider=name.provider, model=name.id)
            others = tuple(said_by.card for said_by in self._priced(name))
            return self._told(name, Tariff.flat(card)), others, []
        known = list(self._priced(name))
        if not known:
            raise Unpriced(_no_price(name, self.ids(name.provider)))
        if said is not None:
            chosen = next(
                (at for at, said_by in enumerate(known) if said_by.name == said.use), None
            )
            if chosen is None:
                there = ", ".join(said_by.name for said_by in known)
                raise Unpriced(
                    f"{name}: {said.use!r} has no price for it; sources that do: {there}"
                )
            notes: list[str] = []
        else:
            chosen, notes = self._majority(name, known)
        others = tuple(said_by.card for at, said_by in enumerate(known) if at != chosen)
        return known[chosen].tariff, others, notes

    def _priced(self, name: ModelName) -> Iterator[_Said]:
        """Give what every source says of the standard price, where one holds already."""
        for source in self.sources:
            tariff = source.tariff(name.provider, name.id)
            if tariff is not None and tariff.begun(self.day):
                told = self._told(name, tariff)
                yield _Said(source, told, told.usual(self.day))

    def _majority(self, name: ModelName, known: list[_Said]) -> tuple[int, list[str]]:
        """Choose a source: the highest, unless two others agree on another price and are no older.

        Any one table is wrong now and then; that two are wrong in the same way is rare.
        """
        best, since = known[0], self._known_since(known[0])
        voting = [
            (at, said_by)
            for at, said_by in enumerate(known)
            if said_by.card.checked is not None and said_by.card.checked >= since
        ]
        for (at, one), (_, other) in combinations(voting, 2):
            if apart(best.card, one.card) > _SAME >= apart(one.card, other.card):
                both = f"{one.name} and {other.name} agree on {_brief(one.card)}"
                return at, [f"price of {name}: {both}; {best.name} says {_brief(best.card)}"]
        return 0, []

    def _known_since(self, best: _Said) -> date:
        """Give the day up to which the best source is known to be right, as it says itself.

        The package's data is of no one day: of a row only its dated changes are sure.
        """
        if best.source in self._fetched:
            return self.day  # whatever else is installed is older than what was fetched
        if not isinstance(best.source, Genai):
            return best.card.checked or date.min
        starts = (period.start for period in best.tariff.periods if period.start)
        return max((start for start in starts if start <= self.day), default=date.min)

    def _as_asked(
        self, name: ModelName, asked: Asked, said: UserPrice | None, standard: Tariff
    ) -> tuple[Tariff, rules.Factor | None]:
        """Give the price of what is asked: the user's, a source's, or the standard by a rule."""
        for asks, card in said.tiers if said else ():
            if (asks,) == asked:
                own = replace(card, provider=name.provider, model=name.id)
                return self._told(name, Tariff.flat(own)), None
        for source in self.sources:
            if said is not None and source.name != said.use:
                continue
            tariff = source.tariff(name.provider, name.id, asked)
            if tariff is not None:
                return self._told(name, tariff), None
        ruled = tuple(each for each in asked if rules.factor(name.provider, name.id, (each,)))
        rest = tuple(each for each in asked if each not in ruled)
        if rest and ruled:
            standard, _ = self._as_asked(name, rest, said, standard)
        factor = rules.factor(name.provider, name.id, ruled) if ruled else None
        if factor is None:
            what = ", ".join(f"{field}: {value}" for field, value in asked)
            raise UnknownTier(
                f"{name} with {what}: no price is known for it, and the standard price is not "
                f"assumed. Remove it, or set a batch, flex or priority price in {PRICE_FILE}"
            )
        return standard.each(lambda card: card.times(factor.times)), factor

    def _served(self, name: ModelName) -> Iterator[tuple[str, Tariff]]:
        """Give the dearer tiers that a provider might serve a request in without being asked."""
        for tier in DEARER_TIERS:
            asked = (("service_tier", tier),)
            known = (source.tariff(name.provider, name.id, asked) for source in self.sources)
            if tariff := next((each for each in known if each), None):
                yield tier, self._told(name, tariff)

    def _told(self, name: ModelName, tariff: Tariff) -> Tariff:
        """Say of every card whether cache writes may be billed unasked, and on which weekdays."""
        unasked = rules.bills_writes_unasked(name.provider, name.id)
        tariff = rules.on_weekdays(name.provider, name.id, tariff)
        return tariff.each(lambda card: replace(card, writes_unasked=unasked and _writes(card)))

    def _has(self, provider: str, model_id: str) -> bool:
        return self.known(provider, model_id) is not None

    def _offered(self, model_id: str, providers: Collection[str]) -> list[str]:
        """Give `provider/id` of every known model whose id, or the end of it, is this."""
        wanted = model_id.lower()
        return [
            f"{provider}/{known}"
            for provider in sorted(providers)
            for known in self.ids(provider)
            if known.lower() == wanted or known.lower().endswith(f"/{wanted}")
        ]


def _writes(card: RateCard) -> bool:
    return card.cache_write is not None or card.cache_write_1h is not None


def _is_newer(table: Table, base: Source) -> bool:
    return table.checked >= (getattr(base, "checked", None) or date.min)


def _moved(card: RateCard, standard: Tariff, asked: Tariff, day: date) -> RateCard:
    """Give another source's standard price moved as the asked tier moves the best source's."""
    before, after = standard.on(day), asked.on(day)
    ratios = {
        name: (after.rate(name).base / before.rate(name).base).quantize(
            Decimal("0.000001"), ROUND_CEILING
        )
        for name in CLASSES
        if before.rate(name).base
    }
    return card.with_rates(lambda name, rate: rate.times(ratios.get(name, Decimal(1))))


def _refuse_free(name: ModelName, offer: Offer, day: date) -> None:
    """Refuse a price of nothing where others know a price: with it no cap would hold."""
    card = offer.tariff.usual(day)
    if offer.others and not (card.input.base and card.output.base):
        known = ", ".join(f"{other.source} {_brief(other)}" for other in offer.others)
        raise Disputed(
            f"price of {name}: {card.source} says {_brief(card)}, but others have a price: {known}"
        )


def _surcharged(offer: Offer, by: rules.Factor) -> Offer:
    def dearer(card: RateCard) -> RateCard:
        return card.times(by.times)

    return replace(
        offer,
        tariff=offer.tariff.each(dearer),
        served=tuple((tier, tariff.each(dearer)) for tier, tariff in offer.served),
        others=tuple(dearer(card) for card in offer.others),
        standard=offer.standard and offer.standard.each(dearer),
        assumptions=(*offer.assumptions, by.why),
    )


def _brief(card: RateCard) -> str:
    return f"${card.input.base:f} in / ${card.output.base:f} out"


def _no_price(name: ModelName, ids: list[str]) -> str:
    near = difflib.get_close_matches(name.id, ids, n=3, cutoff=0.6)
    hint = f" {name.provider} has {', '.join(near)}." if near else ""
    return (
        f"{name} is unpriced: no source has a price for model {name.id!r} "
        f"at {name.provider}.{hint} To set one, add to {PRICE_FILE} next to the experiment:\n"
        f'  prices:\n    {name}: {{input: "…", output: "…"}}   # USD per million tokens'
    )
