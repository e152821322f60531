"""Quotes: what an experiment's calls of one model cost at each provider that offers it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial

from estimator.caching import PromptPrefix
from estimator.comparison.prompt_caching import (
    CacheSaving,
    estimate_cache_saving,
    find_shared_prefixes,
)
from estimator.forecast import Stratum, price_strata
from estimator.plan import Estimate
from estimator.workload import PlannedModel, find_batch_offer, find_limits_of_batches
from experiment.definition import SUBJECT
from experiment.errors import ExperimentError
from pricing.catalog import ModelName, Retirement, calculate_fee
from pricing.errors import NoPrice
from pricing.money import Money, money_from_float
from pricing.price_book import PriceBook
from pricing.rates import Offer, PriceOptions, RateCard


@dataclass(frozen=True, slots=True)
class Quote:
    """The likely cost of a model's subject calls at one provider, in US dollars.

    Attributes:
        name: the model there.
        card: its price on the day of the run.
        standard: the cost of all calls.
        batch: the same at batch prices; None where those are unknown.
        batch_note: what was assumed about them, or why there are none.
        caching: the most that caching the shared prefixes saves of `standard`.
        fee: what is paid in addition, such as for buying credits.
        disagreement: by how much other sources differ, as a ratio; None without another.
        disputed: whether sources are too far apart to be relied on.
        retires: when the provider stops serving the model, if that is known.
    """

    name: ModelName
    card: RateCard
    standard: float
    batch: float | None
    batch_note: str
    caching: CacheSaving
    fee: Money
    disagreement: Decimal | None
    disputed: bool
    retires: Retirement | None

    @property
    def cached(self) -> float | None:
        """Return the least that all calls cost, with every cache hit; None without a saving."""
        return self.standard - self.caching.dollars if self.caching.dollars else None


def quote_at_providers(estimate: Estimate, model_name_as_written: str) -> list[Quote]:
    """Quote an experiment's calls of one subject model at every provider, cheapest first.

    Args:
        estimate: of the experiment.
        model_name_as_written: the model, as the estimate's experiment writes it.
    """
    model = estimate.plan.models[model_name_as_written]
    strata = [
        s for s in estimate.plan.strata if (s.stage, s.model) == (SUBJECT, model_name_as_written)
    ]
    requests = {stratum.key: stratum.requests for stratum in strata}
    try:
        shared = find_shared_prefixes(estimate.experiment, estimate.plan.models, requests)[
            model_name_as_written
        ]
    except ExperimentError:  # a template that no made-up query fits
        shared = Counter()
    return quote_strata(strata, model, shared, estimate.book, estimate.run_date)


def quote_strata(
    strata: Sequence[Stratum],
    model: PlannedModel,
    shared: Counter[PromptPrefix],
    book: PriceBook,
    run_date: date,
) -> list[Quote]:
    """Quote strata of one model at every provider, cheapest first.

    Args:
        strata: all of the model.
        model: as planned.
        shared: prefix -> how many of their requests share it.
        book: the prices.
        run_date: the day whose prices apply.
    """
    quotes = []
    for name, offer in _offers_at_providers(book, model):
        card = offer.highest_on(run_date)
        standard = price_strata(strata, card)
        batch, note = _price_batch(book, name, model.offer.options, strata, run_date)
        quotes.append(
            Quote(
                name=name,
                card=card,
                standard=standard,
                batch=batch,
                batch_note=note,
                caching=estimate_cache_saving(shared, model, name, card, book),
                fee=calculate_fee(name.provider, money_from_float(standard)),
                disagreement=offer.disagreement_ratio(book.day),
                disputed=bool(offer.disputing_cards(book.day)),
                retires=book.retirement_of(name),
            )
        )
    return sorted(quotes, key=lambda quote: quote.standard)


def _offers_at_providers(book: PriceBook, model: PlannedModel) -> Iterator[tuple[ModelName, Offer]]:
    yield model.name, model.offer
    yield from book.offers_at_other_providers(model.name, model.offer.options)


def _price_batch(
    book: PriceBook,
    name: ModelName,
    options: PriceOptions,
    strata: Sequence[Stratum],
    run_date: date,
) -> tuple[float | None, str]:
    try:
        offer = find_batch_offer(name, partial(book.offer_for, name), options)
        return price_strata(strata, offer.highest_on(run_date)), "; ".join(offer.assumptions)
    except NoPrice:
        if find_limits_of_batches(name.provider) is None:
            return None, f"afcost sends no batches to {name.provider}"
        return None, f"no batch price is known at {name.provider}"
