"""Running a plan: executes an approved plan in a run folder; can be repeated until it is done.

Running a plan again continues it; what is answered is never paid again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from experiment.prompts import RequestBuilder
from runner.approval import bind_ledger, check_ledger_not_replaced
from runner.execution import Progress, StopReason, open_job_queue
from runner.launch.connectivity import check_providers, refuse_unreachable
from runner.launch.preflight import CheckedPlan, check_plan
from runner.launch.run_options import RunOptions
from runner.launch.worker import run_worker
from runner.ledger import Ledger, ledger_exists, open_ledger
from runner.results import update_calibration
from runner.run_folder import RunFolder, create_or_reopen, create_run_dir


def execute_plan(plan_path: Path, now: datetime, options: RunOptions) -> tuple[RunFolder, Progress]:
    """Run an approved plan, or resume it.

    Args:
        plan_path: the plan file; its approval stands beside it.
        now: the time by which approval and prices are judged.
        options: what the user chose.

    Raises:
        EstimatorError, RunnerError: before anything was sent.
    """
    checked = check_plan(plan_path, now, options.folder, options.ledger_url)
    refuse_unreachable(check_providers(checked.plan, checked.providers))
    plan, location = checked.plan, checked.ledger_location
    experiment, models = checked.verified.experiment, checked.verified.models
    create_run_dir(checked.folder)
    requests = RequestBuilder(experiment, lambda name: models[name].prefill)
    with (
        _open_plan_ledger(plan_path, checked) as ledger,
        open_job_queue(location, ledger, requests, plan.order_seed, options.lease_seconds) as queue,
    ):
        run = create_or_reopen(checked.folder, plan, experiment, location)
        options.on_start(run, ledger)
        progress = asyncio.run(run_worker(checked, requests, ledger, queue, options))
        ledger.record_end((progress.end or StopReason.STOPPED).value)
    with suppress(OSError):  # what was learned helps later estimates; this run does not need it
        update_calibration(plan, location, checked.providers, now.date())
    return run, progress


@contextmanager
def _open_plan_ledger(plan_path: Path, checked: CheckedPlan) -> Iterator[Ledger]:
    """Open a plan's ledger, with its approval recorded, and bind the approval file to it.

    Raises:
        NotApproved: the approval file is bound to a ledger that was replaced.
        BadRun: the ledger is for other work.
        LedgerError: it cannot be opened or written.
    """
    location = checked.ledger_location
    with open_ledger(location, checked.folder) as ledger:
        if checked.approval_file_holds and ledger.is_new and not ledger.is_shared:
            check_ledger_not_replaced(plan_path, location.name)
        with ledger.transaction():
            ledger.begin_work(checked.plan.work_digest)
            ledger.record_approval(checked.approval)
        if checked.approval_file_holds:
            bind_ledger(plan_path, location.name, partial(ledger_exists, location))
        yield ledger
