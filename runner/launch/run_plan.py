"""Running a plan: executes an approved plan in a run folder; can be repeated until it is done.

Running a plan again continues it; what is answered is never paid again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from experiment.prompts import RequestBuilder
from runner.approval import bind_ledger, check_ledger_not_replaced
from runner.execution import LEASE_SECONDS, Progress, RetryPolicy, StopReason
from runner.launch.connectivity import check_providers, refuse_unreachable
from runner.launch.preflight import check_plan
from runner.launch.worker import RunOptions, open_job_queue, run_worker
from runner.ledger import Ledger, ledger_exists, open_ledger
from runner.results import update_calibration
from runner.run_folder import RunFolder, create_or_reopen
from runner.transport import REQUEST_TIMEOUT


def execute_plan(  # noqa: PLR0913 - what a run is made of
    plan_path: Path,
    now: datetime,
    *,
    folder: Path | None = None,
    concurrency: int = 10,
    timeout: float = REQUEST_TIMEOUT,
    ledger_url: str | None = None,
    retry_policy: RetryPolicy = RetryPolicy(),
    lease_seconds: float = LEASE_SECONDS,
    on_start: Callable[[RunFolder, Ledger], None] = lambda *_: None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> tuple[RunFolder, Progress]:
    """Run an approved plan, or resume it.

    Args:
        plan_path: the plan file; its approval stands beside it.
        now: the time by which approval and prices are judged.
        folder: the run folder; None takes the approved plan's own.
        concurrency: requests in flight, at most.
        timeout: seconds that one request may take; what takes longer is held.
        ledger_url: the address of a PostgreSQL ledger; None takes the one in the folder.
        retry_policy: how often a request is sent again, and how long that waits.
        lease_seconds: seconds without a report, after which others that share it take this process
            for dead.
        on_start: is called once with the run and its open ledger.
        on_progress: is called whenever the progress changed, and every second.

    Raises:
        EstimatorError, RunnerError: before anything was sent.
    """
    checked = check_plan(plan_path, now, folder, ledger_url)
    refuse_unreachable(check_providers(checked.plan, checked.providers))
    plan, approval, fresh, known = (
        checked.plan,
        checked.approval,
        checked.verified,
        checked.providers,
    )
    run = create_or_reopen(checked.folder, plan, fresh.experiment, checked.ledger_location)
    models = fresh.models
    requests = RequestBuilder(fresh.experiment, lambda name: models[name].prefill)
    with open_ledger(checked.ledger_location) as opened:
        if checked.approval_file_holds and opened.is_new and not opened.is_shared:
            check_ledger_not_replaced(plan_path, checked.ledger_location.name)
        with opened.transaction():
            opened.begin_work(plan.work_digest)
            opened.record_approval(approval)
        if checked.approval_file_holds:
            bind_ledger(
                plan_path,
                checked.ledger_location.name,
                partial(ledger_exists, checked.ledger_location),
            )
        with open_job_queue(
            checked.ledger_location, opened, requests, plan.work_digest, lease_seconds
        ) as queue:
            on_start(run, opened)
            setting = RunOptions(
                fresh, known, approval.until, concurrency, timeout, retry_policy, on_progress
            )
            progress = asyncio.run(run_worker(opened, queue, requests, setting))
            opened.record_end((progress.end or StopReason.STOPPED).value)
    with suppress(OSError):  # what was learned helps later estimates; this run does not need it
        update_calibration(plan, checked.ledger_location, known, now.date())
    return run, progress
