"""Quotes: what an experiment's calls of one model cost at every provider that has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from estimator.comparison.prompt_caching import Saving, saving, shared_prefixes
from estimator.forecast.forecast import likely_cost
from estimator.forecast.stratum import Stratum
from estimator.plan.planner import Estimate
from estimator.workload.planned_model import PlannedModel
from experiment.definition.schema import SUBJECT
from experiment.errors import ExperimentError
from pricing.catalog import billing_rules as rules
from pricing.catalog.model_names import ModelName
from pricing.catalog.retirements import Retirement
from pricing.errors import NoPrice
from pricing.money import Money, from_float
from pricing.price_book import PriceBook
from pricing.rates.offer import Offer
from pricing.rates.rate_card import RateCard
from pricing.rates.service_tiers import TIERS, Asked


@dataclass(frozen=True, slots=True)
class Quote:
    """The likely cost of a model's subject calls at one provider, in US dollars.

    Attributes:
        name: the model there.
        card: the price that counts.
        standard: of all calls.
        batch: the same as batches; None where no price of batches is known.
        batch_note: what was assumed of it, or why there is none.
        caching: the most that caching the shared prefixes saves of `standard`.
        fee: what is paid beside, such as for buying credits.
        disagreement: by how much other sources differ, as a ratio; None without another.
        disputed: whether sources are too far apart to be relied on.
        retires: when the provider stops serving the model, if that is known.
    """

    name: ModelName
    card: RateCard
    standard: float
    batch: float | None
    batch_note: str
    caching: Saving
    fee: Money
    disagreement: Decimal | None
    disputed: bool
    retires: Retirement | None

    @property
    def cached(self) -> float | None:
        """What all calls cost at least, with every cache hit; None where caching saves nothing."""
        return self.standard - self.caching.dollars if self.caching.dollars else None


def quotes(estimate: Estimate, written: str) -> list[Quote]:
    """Quote an experiment's calls of one subject model everywhere; the cheapest first.

    Args:
        estimate: of the experiment.
        written: the model, as the estimate's experiment writes it.
    """
    model = estimate.plan.models[written]
    strata = [s for s in estimate.plan.strata if (s.stage, s.model) == (SUBJECT, written)]
    requests = {(s.stage, s.model, s.condition): s.requests for s in strata}
    try:
        shared = shared_prefixes(estimate.experiment, estimate.plan.models, requests)[written]
    except ExperimentError:  # a template that no made-up query fits
        shared = Counter()
    book, on = estimate.book, estimate.on
    found = []
    for name, offer in _everywhere(book, model):
        card = offer.card(on)
        standard = likely_cost(strata, card)
        batch, note = _batch(book, name, model.offer.asked, strata, on)
        found.append(
            Quote(
                name=name,
                card=card,
                standard=standard,
                batch=batch,
                batch_note=note,
                caching=saving(shared, model, name, card, book),
                fee=rules.fee(name.provider, from_float(standard)),
                disagreement=offer.disagreement(book.day),
                disputed=bool(offer.disputed(book.day)),
                retires=book.retirement(name),
            )
        )
    return sorted(found, key=lambda quote: quote.standard)


def _everywhere(book: PriceBook, model: PlannedModel) -> Iterator[tuple[ModelName, Offer]]:
    yield model.name, model.offer
    yield from book.elsewhere(model.name, model.offer.asked)


def _batch(
    book: PriceBook, name: ModelName, asked: Asked, strata: list[Stratum], on: date
) -> tuple[float | None, str]:
    try:
        offer = book.offer(name, (*asked, *TIERS["batch"]))
        return likely_cost(strata, offer.card(on)), "; ".join(offer.assumptions)
    except NoPrice:
        return None, f"no batch price is known at {name.provider}"
