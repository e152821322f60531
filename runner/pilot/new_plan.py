"""The plan whose forecast rests on a pilot: the same work, planned again with its own answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

from estimator.errors import StalePlan
from estimator.forecast import MeasuredCalls
from estimator.plan import Estimate, EstimateOptions, Plan, estimate_experiment, save_plan
from runner.ledger import read_ledger
from runner.run_folder import RunFolder

_MARK = "-pilot"  # at the end of the plan's name


def name_pilot_plan(plan_path: Path) -> Path:
    """Return where the plan that rests on a pilot is written, beside the pilot's own plan."""
    stem = plan_path.stem.removesuffix(_MARK)
    return plan_path.with_name(f"{stem}{_MARK}{plan_path.suffix or '.json'}")


def write_pilot_plan(
    plan: Plan, run_folder: RunFolder, day: date, path: Path, trusted: tuple[str, ...] = ()
) -> Estimate:
    """Plan a study again on the answers that it has, and save the plan.

    Args:
        plan: the pilot's.
        run_folder: of the study; nothing is in flight there.
        day: today, whose prices apply.
        path: of the new plan.
        trusted: `PROVIDER=VARIABLE`, for each key that may go to a provider that counts.

    Raises:
        StalePlan: files of the experiment changed since, so it would be another work.
        ExperimentError, PricingError, EstimatorError, LedgerError: it cannot be planned now.
    """
    from runner.forecasting import read_own_calls  # noqa: PLC0415 - it loads numpy

    with read_ledger(run_folder.ledger_location) as reader:
        own = read_own_calls(run_folder, reader)
    is_counted_there = any(model.counting.endpoint for model in plan.models.values())
    options = EstimateOptions(
        count="auto" if is_counted_there else "local",
        study=plan.study or None,
        allow_download=True,  # of what the plan pins, which was checked before the pilot began
        trusted=trusted,
    )
    calls = {key: _name_source(each) for key, each in own.calls.items()}
    estimate = estimate_experiment(plan.source, day, plan.changes, options, own=calls)
    _refuse_other_files(plan, estimate.plan)
    save_plan(estimate.plan, path)
    return estimate


def _refuse_other_files(plan: Plan, planned: Plan) -> None:
    """Refuse a plan of files that were changed while the pilot ran.

    Raises:
        StalePlan: they were.
    """
    both = sorted(plan.files.keys() | planned.files.keys())
    if changed := [name for name in both if plan.files.get(name) != planned.files.get(name)]:
        raise StalePlan(f"{changed[0]} was changed while the pilot ran")


def _name_source(calls: MeasuredCalls) -> MeasuredCalls:
    """Say of how many queries a stratum's calls are."""
    queries, answers = calls.query_count, len(calls.queries)
    word = "query" if queries == 1 else "queries"
    more = f", {answers:,} answers" if answers > queries else ""
    return replace(calls, source=f"{queries:,} {word} of this study{more}")
