"""Running: an approved plan is executed in a folder of its own, again and again until it is done.

Running a plan again continues it; what is answered is never paid again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from experiment.prompts.request_builder import Requests
from runner.approval import approval_file as approvals
from runner.execution.job_queue import LEASE
from runner.execution.retry import Patience
from runner.execution.scheduler import End, Progress
from runner.launch.connectivity import reach, refuse_unreachable
from runner.launch.preflight import ready
from runner.launch.worker import RunOptions, open_queue, run_worker
from runner.ledger.ledger import Ledger
from runner.ledger.open import ledger_exists, open_ledger
from runner.results.calibration_update import learn
from runner.run_folder import Run, prepare
from runner.transport.sender import TIMEOUT


def execute(  # noqa: PLR0913 - what a run is made of
    plan_path: Path,
    now: datetime,
    *,
    folder: Path | None = None,
    concurrency: int = 10,
    timeout: float = TIMEOUT,
    ledger: str | None = None,
    patience: Patience = Patience(),
    lease: float = LEASE,
    started: Callable[[Run, Ledger], None] = lambda *_: None,
    changed: Callable[[Progress], None] = lambda _: None,
) -> tuple[Run, Progress]:
    """Run an approved plan, or continue it.

    Args:
        plan_path: the plan file; its approval stands beside it.
        now: the time by which approval and prices are judged.
        folder: the run folder; None takes the approved plan's own.
        concurrency: requests in flight, at most.
        timeout: seconds that one request may take; what takes longer is held.
        ledger: the address of a PostgreSQL ledger; None takes the one in the folder.
        patience: how often a request is sent again, and how long that waits.
        lease: seconds without a report, after which others that share it take this process for
            dead.
        started: is called once with the run and its open ledger.
        changed: is called whenever the progress changed, and every second.

    Raises:
        EstimatorError, RunnerError: before anything was sent.
    """
    checked = ready(plan_path, now, folder, ledger)
    refuse_unreachable(reach(checked.plan, checked.known))
    plan, approval, fresh, known = checked.plan, checked.approval, checked.fresh, checked.known
    run = prepare(checked.folder, plan, fresh.experiment, checked.ledger)
    models = fresh.models
    requests = Requests(fresh.experiment, lambda name: models[name].prefill)
    with open_ledger(checked.ledger) as opened:
        if checked.beside and opened.is_new and not opened.shared:
            approvals.check_kept(plan_path, checked.ledger.name)
        with opened.together():
            opened.begin_work(plan.work_digest)
            opened.approve(approval)
        if checked.beside:
            approvals.bind(plan_path, checked.ledger.name, partial(ledger_exists, checked.ledger))
        with open_queue(checked.ledger, opened, requests, plan.work_digest, lease) as queue:
            started(run, opened)
            setting = RunOptions(
                fresh, known, approval.until, concurrency, timeout, patience, changed
            )
            progress = asyncio.run(run_worker(opened, queue, requests, setting))
            opened.note_end((progress.end or End.STOPPED).value)
    with suppress(OSError):  # what was learned helps later estimates; this run does not need it
        learn(plan, checked.ledger, known, now.date())
    return run, progress
