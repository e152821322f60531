"""A run by a time: which models of an approved plan it asks in batches, and when it begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from estimator.plan import Plan
from estimator.processing import (
    ChosenWays,
    LaterStart,
    Way,
    ask_models,
    choose_ways,
    find_later_start,
    list_ways,
)
from estimator.wall_time import PlanTime, SeenLimits, find_plan_time
from estimator.workload import PlannedModel
from experiment.definition import count_waits
from providers.provider import Provider
from runner.launch import check_plan, find_study_progress
from runner.state import find_seen_limits
from runner.timing import find_known_batches, find_known_speeds


@dataclass(frozen=True, slots=True)
class RunBy:
    """How a plan's rest is asked to be done by a time.

    Attributes:
        models: written name -> model, with the offer by which it is asked.
        chosen: the ways.
        later: a start at cheaper hours from which it is done in time; None where that is now.
    """

    models: dict[str, PlannedModel]
    chosen: ChosenWays
    later: LaterStart | None

    @property
    def batched(self) -> frozenset[str]:
        """The models that are asked in batches, as the experiment writes them."""
        return frozenset(n for n, each in self.chosen.ways.items() if each.way is Way.BATCH)

    @property
    def time(self) -> PlanTime | None:
        """How long it takes; None where nothing is left."""
        return self.chosen.time


def choose_run_by(  # noqa: PLR0913 - a run as of `execute_plan`, and a time
    plan_path: Path,
    by: datetime,
    now: datetime,
    folder: Path | None,
    ledger_url: str | None,
    concurrency: int,
) -> RunBy:
    """Return the cheapest ways to ask what is left of a plan that are done by a time.

    What the plan has in batches stays so. Later hours count where the approval holds until then.

    Args:
        plan_path: the plan file, approved.
        by: the time.
        now: of today.
        folder: of the study; None for the plan's own.
        ledger_url: of a shared ledger.
        concurrency: calls in flight, at most.

    Raises:
        NotInTime: none are.
        EstimatorError, RunnerError: the plan cannot be run.
    """
    checked = check_plan(plan_path, now, folder, ledger_url)
    plan, verified = checked.plan, checked.verified
    progress = None
    if not checked.ledger_location.is_shared:
        how = (plan, verified.experiment, verified.models, checked.folder)
        progress = find_study_progress(*how)
    strata = [each for each in (progress.rest.strata if progress else plan.strata) if each.requests]
    models = {each.model: verified.models[each.model] for each in strata}
    allowed = frozenset({Way.BATCH})
    ways = list_ways(verified.experiment, models, strata, verified.book, now.date(), allowed)
    speeds = find_known_speeds(plan, checked.providers, checked.folder, checked.folder.parent)
    batches = find_known_batches(plan, checked.providers, checked.folder, checked.folder.parent)
    seen = _find_limits(plan, checked.providers)
    waits = count_waits(verified.experiment.spec.judges)

    def find_time(asked: Mapping[str, PlannedModel]) -> PlanTime | None:
        return find_plan_time(
            strata,
            asked,
            concurrency,
            measured=speeds,
            seen=seen,
            batches=batches,
            waits=waits,
        )

    chosen = choose_ways(models, ways, find_time, (by - now).total_seconds())
    asked = ask_models(models, chosen.ways)
    if chosen.time is None:
        return RunBy(asked, chosen, None)
    end = min(by, checked.approval.until or by)
    return RunBy(asked, chosen, find_later_start(strata, asked, now, end, chosen.time.wall.high))


def _find_limits(plan: Plan, providers: Mapping[str, Provider]) -> dict[str, SeenLimits]:
    """Return the limits that answers of a plan's models stated in earlier runs."""
    names = {model.name for model in plan.models.values()}
    found = {
        str(name): find_seen_limits(providers[name.provider].base_url, name.id) for name in names
    }
    return {name: each for name, each in found.items() if each}
