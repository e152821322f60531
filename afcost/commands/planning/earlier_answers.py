"""Earlier answers: what an estimate rests on, and what of its plan is answered already."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from afcost.rendering import console as draw
from estimator.forecast import MeasuredCalls, Stratum
from estimator.plan import Estimate, Plan
from estimator.user_dirs import SEEN_LIMITS, state_folder
from estimator.wall_time import (
    AccountLimits,
    BatchTime,
    PlanTime,
    SeenLimits,
    Speed,
    find_plan_time,
)
from estimator.workload import PlannedModel, StratumKey
from experiment.definition import Experiment, count_waits
from providers.registry import load_providers

if TYPE_CHECKING:  # a first estimate imports nothing that runs
    from estimator.processing import FindTime
    from runner.launch import StudyProgress

_RUNS = Path("runs")


def may_have_run(run_dir: Path | None) -> bool:
    """Return whether there may be a run on whose answers a forecast can rest."""
    return (run_dir is not None and run_dir.is_dir()) or _RUNS.is_dir()


def find_answers(estimate: Estimate, run_dir: Path | None) -> dict[StratumKey, MeasuredCalls]:
    """Return the answers of earlier runs that a forecast rests on."""
    from runner.forecasting import find_known_calls  # noqa: PLC0415 - a first estimate needs none

    folder = run_dir or _RUNS / estimate.plan.study
    return find_known_calls(estimate.plan, estimate.experiment, folder, _RUNS)


def make_timer(  # noqa: PLR0913 - of what, and how it is sent
    plan: Plan,
    experiment: Experiment,
    progress: StudyProgress | None,
    run_dir: Path | None,
    concurrency: int,
    limits: AccountLimits,
) -> FindTime:
    """Return what finds how long what is left of a plan takes, by the speeds that runs timed.

    It takes the plan's models, whose offers say how they are asked.
    """
    strata = list_left(plan, progress)
    speeds = find_speeds(plan, experiment, run_dir)
    batches = _find_batches(plan, experiment, run_dir)
    seen = _find_limits(plan, experiment)
    waits = count_waits(experiment.spec.judges)

    def find(models: Mapping[str, PlannedModel]) -> PlanTime | None:
        return find_plan_time(strata, models, concurrency, limits, speeds, seen, batches, waits)

    return find


def list_left(plan: Plan, progress: StudyProgress | None) -> tuple[Stratum, ...]:
    """Return the strata of what is left of a plan."""
    answered = progress is not None and progress.answered_count
    return tuple(progress.rest.strata) if progress and answered else plan.strata


def _find_limits(plan: Plan, experiment: Experiment) -> dict[str, SeenLimits]:
    """Return the limits that answers of a plan's models stated in earlier runs."""
    if not (state_folder() / SEEN_LIMITS).is_dir():
        return {}
    from runner.state import find_seen_limits  # noqa: PLC0415 - a first estimate needs none

    providers = load_providers(experiment.spec.providers)
    names = {model.name for model in plan.models.values() if model.name.provider in providers}
    found = {
        str(name): find_seen_limits(providers[name.provider].base_url, name.id) for name in names
    }
    return {name: each for name, each in sorted(found.items()) if each}


def find_speeds(plan: Plan, experiment: Experiment, run_dir: Path | None) -> dict[str, Speed]:
    """Return how fast models are that earlier runs timed."""
    if not may_have_run(run_dir):
        return {}
    from runner.timing import find_known_speeds  # noqa: PLC0415 - a first estimate needs none

    providers = load_providers(experiment.spec.providers)
    return find_known_speeds(plan, providers, run_dir or _RUNS / plan.study, _RUNS)


def _find_batches(plan: Plan, experiment: Experiment, run_dir: Path | None) -> dict[str, BatchTime]:
    """Return how long the batches of providers took that earlier runs waited for."""
    if not may_have_run(run_dir):
        return {}
    from runner.timing import find_known_batches  # noqa: PLC0415 - a first estimate needs none

    providers = load_providers(experiment.spec.providers)
    return find_known_batches(plan, providers, run_dir or _RUNS / plan.study, _RUNS)


def find_progress(estimate: Estimate, run_dir: Path | None) -> StudyProgress | None:
    """Return what of a plan is answered in its study's ledger; None where there is none to read."""
    folder = run_dir or _RUNS / estimate.plan.study
    if not folder.is_dir():
        if run_dir:
            raise click.UsageError(f"--run-dir {run_dir}: no such folder")
        return None
    from runner.errors import RunnerError  # noqa: PLC0415 - a first estimate needs none of it
    from runner.launch import find_study_progress  # noqa: PLC0415

    plan = estimate.plan
    try:
        return find_study_progress(plan, estimate.experiment, plan.models, folder)
    except RunnerError as error:
        draw.print_text(
            draw.stderr(), f"warning: what is answered already is not known: {error}", "yellow"
        )
        return None
