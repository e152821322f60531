"""Staleness: what changed since a plan was made. Any change is refused, except lower prices."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from estimator.cached_prefix import index_prefixes
from estimator.errors import StalePlan
from estimator.plan.plan import Plan
from estimator.plan.price_notes import format_main_prices, make_disputed_error
from estimator.survey import survey_experiment
from estimator.workload import (
    PlannedModel,
    Workload,
    digest_files,
    list_sent_uses,
    load_price_book,
    make_request_builder,
    resolve_models,
)
from experiment.definition import Experiment, load_experiment
from experiment.errors import ExperimentError
from experiment.file_access import Trust
from experiment.prompts import RequestBuilder
from pricing.errors import PricingError
from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.rates import RateCard, merge_highest

_ANSWER_GRACE = timedelta(minutes=15)  # a request sent before the end may be billed after it


@dataclass(frozen=True, slots=True)
class VerifiedPlan:
    """An unchanged plan's experiment as loaded now, and the most that it can cost.

    Attributes:
        experiment: what is measured.
        models: the plan's, with each reserve at the largest price between now and the end.
        ceiling: the most that all requests can cost at those.
        today: the same models, priced today.
        book: today's prices.
        repeats: which of its requests have the content of an earlier one, as of `RequestBuilder`.
    """

    experiment: Experiment
    models: dict[str, PlannedModel]
    ceiling: Money
    today: dict[str, PlannedModel]
    book: PriceBook
    repeats: dict[tuple[int, int], int]

    def request_builder(self) -> RequestBuilder:
        """Return what builds the requests as they will be sent."""
        return make_request_builder(self.experiment, self.models, repeats=self.repeats)


def verify_plan(
    plan: Plan, now: datetime, until: datetime | None = None, *, at_any_price: bool = False
) -> VerifiedPlan:
    """Load a plan's experiment again and compare everything that the plan pins.

    A lower price is not refused: the pinned one is booked, or what the provider states.

    Args:
        plan: what was planned.
        now: with a time zone.
        until: when the last request is sent; None for any later time.
        at_any_price: let prices have risen: nothing is sent, only collected.

    Raises:
        StalePlan: names what changed, one line each.
        Disputed: sources are too far apart to mean the same price.
        NotTaken: a provider would refuse a request of a plan from before that was checked.
    """
    until = until and until + _ANSWER_GRACE
    try:
        experiment = load_experiment(plan.source, plan.changes, planned_trust(plan))
        book = load_price_book(now.astimezone().date(), experiment)
        models = resolve_models(experiment, book)
        # Not from the cache: every request must be built as it will be sent.
        pinned_models = _with_pins(plan, models)
        workload = survey_experiment(experiment, pinned_models)
    except (ExperimentError, PricingError) as error:
        raise StalePlan(f"the plan cannot be rebuilt: {error}") from error
    changed = [
        *_list_changed_files(plan, digest_files(experiment, workload)),
        *list_changed_models(plan.models, models, now, until, at_any_price=at_any_price),
    ]
    if not changed and not _has_same_requests(plan, workload, experiment, pinned_models):
        changed = ["the requests: this version of afcost builds them differently"]
    if changed:
        raise StalePlan(
            "changed since the plan was made:\n  " + "\n  ".join(changed) + "\n"
            "Undo it, or plan again with `afcost estimate … -o` and approve that"
        )
    for model in models.values():
        if model.offer.disputing_cards(book.day) and not at_any_price:
            raise make_disputed_error(model.name, model.offer, book.day)
    safe = {
        written: replace(pinned, reserve=_largest_reserve(pinned, models[written], now, until))
        for written, pinned in plan.models.items()
    }
    list_sent_uses(experiment, safe)
    ceiling = _find_ceiling(workload, safe)
    return VerifiedPlan(experiment, safe, ceiling, models, book, workload.repeats)


def _find_ceiling(workload: Workload, models: dict[str, PlannedModel]) -> Money:
    """Return the most that all requests can cost, with all that is marked written to a cache."""
    prefixes, total = index_prefixes(models), Money()
    for key, tally in workload.tallies.items():
        prefix = prefixes.get(key)
        total += tally.ceiling(models[key.model].reserve_for(prefix.mark if prefix else None))
    return total


def _has_same_requests(
    plan: Plan, workload: Workload, experiment: Experiment, models: dict[str, PlannedModel]
) -> bool:
    """Return whether the requests are those of a plan, also of one that an earlier version made."""
    if workload.digest == plan.requests:
        return True
    requests = make_request_builder(experiment, models, repeats=workload.repeats)
    return requests.digest_as_before() == plan.requests


def planned_trust(plan: Plan) -> Trust:
    """Return what a plan pins, and so may be read and downloaded on any machine that runs it.

    A file that it pins must still have the text that it had, or the plan is refused before
    anything is sent.
    """
    sources = {model.counting.source for model in plan.models.values()}
    return Trust(
        plan.trusted_folders, frozenset(map(os.path.normpath, plan.files)), frozenset(sources)
    )


def _largest_reserve(
    pinned: PlannedModel, today: PlannedModel, now: datetime, until: datetime | None
) -> RateCard:
    """Return the highest price of any source, then or now, at the most expensive hour."""
    return merge_highest([model.offer.reservation_card(now, until) for model in (pinned, today)])


def _with_pins(plan: Plan, now: dict[str, PlannedModel]) -> dict[str, PlannedModel]:
    """Return today's models with how the plan counts them, and with what it says that they take."""
    return {
        written: replace(
            model, counting=pinned.counting, prefill=pinned.prefill, takes=pinned.takes
        )
        if (pinned := plan.models.get(written))
        else model
        for written, model in now.items()
    }


def _list_changed_files(plan: Plan, now: dict[str, str]) -> list[str]:
    then, changed = plan.files, []
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            how = "added" if name not in then else "removed" if name not in now else "changed"
            changed.append(f"file {name}: {how}")
    return changed


def _find_increase(
    old: PlannedModel, new: PlannedModel, start: datetime, end: datetime | None
) -> tuple[RateCard, RateCard, datetime] | None:
    """Return when a model costs more than as pinned; what its marks write to a cache counts too."""
    keeps = {each.mark.keep for each in old.caching} - {None}
    was, now = old.offer.tariff, new.offer.tariff
    if keeps:
        add_writes = partial(RateCard.with_writes, for_an_hour="1h" in keeps)
        was, now = was.map_cards(add_writes), now.map_cards(add_writes)
    return now.first_increase(was, start, end)


def list_changed_models(
    then: dict[str, PlannedModel],
    now: dict[str, PlannedModel],
    start: datetime,
    end: datetime | None,
    *,
    at_any_price: bool = False,
) -> list[str]:
    """List what changed of models since they were pinned; a lower price is no change.

    Args:
        then: as a plan pins them, by their written names.
        now: the same as of today.
        start: from when they are asked.
        end: until when; None for any later time.
        at_any_price: leave prices out.
    """
    changed = []
    for written in sorted(then.keys() | now.keys()):
        old, new = then.get(written), now.get(written)
        if old is None or new is None:
            changed.append(f"model {written}: {'added' if old is None else 'removed'}")
        elif old.name != new.name:
            changed.append(f"model {written}: was {old.name}, now {new.name}")
        elif old.offer.options != new.offer.options:
            changed.append(f"model {written}: service tier changed")
        elif not at_any_price and (risen := _find_increase(old, new, start, end)):
            was, today, moment = risen
            when = "" if moment == start else f" from {moment:%Y-%m-%d %H:%M} UTC"
            changed.append(
                f"price of {old.name}: pinned {format_main_prices(was)}, now "
                f"{format_main_prices(today)}{when}"
            )
        elif old.counting.fingerprint != new.counting.fingerprint:
            changed.append(f"tokenizer of {old.name}: changed")
        elif old.window != new.window:
            changed.append(f"model {written}: context window changed")
    return changed
