"""Staleness: what changed since a plan was made. A plan that changed in anything is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from estimator.errors import StalePlan
from estimator.estimate import digests, resolve_models
from estimator.plan import Plan
from estimator.survey import PlannedModel, survey
from experiment.errors import ExperimentError
from experiment.file import Experiment, load
from pricing.book import PriceBook, read_user_prices
from pricing.errors import PricingError


@dataclass(frozen=True, slots=True)
class Fresh:
    """An unchanged plan with its experiment as loaded now."""

    plan: Plan
    experiment: Experiment


def check(plan: Plan, day: date) -> Fresh:
    """Load a plan's experiment again and compare everything that the plan pins.

    Raises:
        StalePlan: names what changed, one line each.
    """
    try:
        experiment = load(plan.source, plan.changes)
        book = PriceBook(day, read_user_prices([experiment.folder, Path.cwd()]))
        models = resolve_models(experiment, book)
        counted = _counted_as_then(plan, models)
        now = survey(experiment, counted)  # not recalled: it must be made as it will be sent
    except (ExperimentError, PricingError) as error:
        raise StalePlan(f"the plan can no longer be made: {error}") from error
    changed = [
        *_changed_files(plan, digests(experiment, now)),
        *_changed_models(plan.models, models),
    ]
    if not changed and now.digest != plan.requests:
        changed = ["the requests: this version of afcost builds them differently"]
    if changed:
        raise StalePlan("changed since the plan was made:\n  " + "\n  ".join(changed))
    return Fresh(plan, experiment)


def _counted_as_then(plan: Plan, now: dict[str, PlannedModel]) -> dict[str, PlannedModel]:
    """Give today's models with the plan's counting: what providers and bills said then."""
    return {
        written: replace(model, counting=plan.models[written].counting)
        if written in plan.models
        else model
        for written, model in now.items()
    }


def _changed_files(plan: Plan, now: dict[str, str]) -> list[str]:
    names = sorted(plan.files.keys() | now.keys())
    return [
        f"file {name}: {'changed' if name in plan.files and name in now else 'no longer the same'}"
        for name in names
        if plan.files.get(name) != now.get(name)
    ]


def _changed_models(then: dict[str, PlannedModel], now: dict[str, PlannedModel]) -> list[str]:
    changed = []
    for written in sorted(then.keys() | now.keys()):
        old, new = then.get(written), now.get(written)
        if old is None or new is None:
            changed.append(f"model {written}: {'added' if old is None else 'removed'}")
        elif old.name != new.name:
            changed.append(f"model {written}: was {old.name}, is {new.name}")
        elif not old.card.same_price(new.card):
            changed.append(f"price of {old.name}: was {_price(old)}, is {_price(new)}")
        elif old.counting.fingerprint != new.counting.fingerprint:
            changed.append(f"tokenizer of {old.name}: is no longer the same")
        elif (old.window, old.prefill) != (new.window, new.prefill):
            changed.append(f"model {written}: its context window or its prefill changed")
    return changed


def _price(model: PlannedModel) -> str:
    return f"${model.card.input.base} in / ${model.card.output.base} out per million"
