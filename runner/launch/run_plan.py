"""Running a plan: executes an approved plan in a run folder; can be repeated until it is done.

Running a plan again continues it; what is answered is never paid again.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path

from estimator.errors import StalePlan
from experiment.prompts import RequestBuilder
from runner.approval import (
    Approval,
    ApprovalWatch,
    BindableLedger,
    WatermarkKeeper,
    bind_approval,
)
from runner.batches import BatchCourse
from runner.control import Wishes, open_notes, read_wishes
from runner.coverage import keep_finished_run
from runner.errors import LedgerError, NotApproved, RunnerError
from runner.execution import (
    LEASE_SECONDS,
    BlockQueue,
    Course,
    JobQueue,
    Progress,
    StopReason,
    open_job_queue,
)
from runner.launch.batch_run import (
    choose_batched,
    name_worker,
    refuse_other_batches,
    set_batch_course,
)
from runner.launch.connectivity import can_send_subjects, check_providers, refuse_unreachable
from runner.launch.preflight import CheckedPlan, check_plan
from runner.launch.run_options import ApprovalEnd, Conduct, Control, OpenWork, RunOptions
from runner.launch.sequential_run import decide_end, set_sequential_course
from runner.launch.worker import run_worker
from runner.ledger import (
    Ledger,
    Location,
    PostgresLocation,
    ledger_exists,
    open_job_table,
    open_ledger,
)
from runner.results import update_calibration
from runner.run_folder import (
    RunFolder,
    choose_order_seed,
    create_or_reopen,
    create_run_dir,
    describe_work,
    match_ids_of_before,
    read_kept_work,
)


def execute_plan(plan_path: Path, now: datetime, options: RunOptions) -> tuple[RunFolder, Progress]:
    """Run an approved plan, or resume it.

    Args:
        plan_path: the plan file; its approval stands beside it.
        now: the time by which approval and prices are judged.
        options: what the user chose.

    Raises:
        EstimatorError, RunnerError: before anything was sent.
    """
    only = options.answered_only
    checked = check_plan(
        plan_path, now, options.folder, options.ledger_url, answered_only=only, collects=True
    )
    refuse_unreachable(check_providers(checked.plan, checked.providers, answered_only=only))
    plan, location = checked.plan, checked.ledger_location
    experiment = checked.verified.experiment
    create_run_dir(checked.folder)
    requests = checked.verified.request_builder()
    wishes = _read_first_wishes(location)
    worker = name_worker(checked.verified, location, options)
    with _open_plan_ledger(plan_path, checked, now, requests, worker) as (ledger, watch):
        seed = choose_order_seed(plan, ledger.first_work)
        with (
            open_job_queue(location, ledger, requests, seed, options.lease_seconds) as jobs,
            open_notes(location) as notes,
        ):
            run = create_or_reopen(checked.folder, plan, experiment, location, requests)
            options.on_start(run, ledger)
            chosen = choose_batched(checked, ledger, options, watch.until)
            work = OpenWork(plan, chosen.models, checked.providers, run, requests, ledger, seed)
            do_jobs: Conduct = options.conduct or _do_jobs
            if checked.risen and not chosen.batched:  # they were collected just now
                raise StalePlan(checked.risen)
            if chosen.batched:
                do_jobs = partial(
                    _do_batches, set_batch_course(work, chosen, options, watch, checked.risen)
                )
            progress = do_jobs(work, jobs, options, watch, Control(notes, wishes))
            ledger.record_end((progress.end or StopReason.STOPPED).value, progress.reason)
    with suppress(OSError):  # what was learned helps later estimates; this run does not need it
        update_calibration(plan, location, checked.providers, now.date())
    with suppress(OSError, RunnerError):  # nor what it says of how often forecasts hold
        keep_finished_run(run)
    return run, progress


def _read_first_wishes(location: Location) -> Wishes:
    """Return what is asked of a run before this process executes it.

    Read before its ledger is open: from then on a stop is meant for this process.
    """
    with suppress(LedgerError):  # without notes a run goes on
        if not location.is_shared or ledger_exists(location):
            with open_notes(location) as notes:
                return read_wishes(notes)
    return Wishes()


def _do_jobs(
    work: OpenWork, jobs: JobQueue, options: RunOptions, watch: ApprovalEnd, control: Control
) -> Progress:
    """Do the jobs in this process."""
    course = _set_course(work, options)
    queue = BlockQueue(jobs, course) if course else jobs
    progress = asyncio.run(run_worker(work, queue, options, watch, control))
    _complete_where_none_can_be_sent(work, progress)
    decide_end(course, progress)
    return progress


def _complete_where_none_can_be_sent(work: OpenWork, progress: Progress) -> None:
    if progress.end is StopReason.JUDGED and not can_send_subjects(work.plan, work.providers):
        progress.end, progress.reason = StopReason.COMPLETE, ""


def _do_batches(  # noqa: PLR0913 - what `_do_jobs` takes, and the batches
    batches: BatchCourse,
    work: OpenWork,
    jobs: JobQueue,
    options: RunOptions,
    watch: ApprovalEnd,
    control: Control,
) -> Progress:
    """Have models asked in batches, and do the other jobs in this process."""
    queue = BlockQueue(jobs, batches)
    progress = asyncio.run(run_worker(work, queue, options, watch, control, batches))
    _complete_where_none_can_be_sent(work, progress)
    is_told = progress.end in (StopReason.AWAY, StopReason.STOPPED)
    if not is_told and (away := batches.describe_open()):
        progress.reason = "\n".join(filter(None, (progress.reason, away)))
    return progress


def _set_course(work: OpenWork, options: RunOptions) -> Course | None:
    """Return what chooses the blocks of jobs; None where all jobs are one."""
    if options.set_course is not None:
        return options.set_course(work)
    return None if options.answered_only else set_sequential_course(work)


@contextmanager
def _open_plan_ledger(
    plan_path: Path,
    checked: CheckedPlan,
    now: datetime,
    requests: RequestBuilder,
    worker: str,
) -> Iterator[tuple[Ledger, ApprovalWatch]]:
    """Open a plan's ledger, with its approval recorded, and bind the approval file to it.

    Raises:
        NotApproved: the approval is spent by another ledger, or a later one counts.
        BadRun: the ledger is for another study.
        LedgerError: it cannot be opened or written, or is an older copy.
    """
    plan, approval = checked.plan, checked.approval
    with open_ledger(checked.ledger_location, checked.folder, worker=worker) as ledger:
        was_empty = ledger.is_new and not ledger.is_shared
        ledger.begin_work(describe_work(plan), read_kept_work(checked.folder))
        refuse_other_batches(ledger, describe_work(plan).digest, ledger.witness.plan_file)
        match_ids_of_before(checked.folder, requests, ledger.jobs_of_before())
        ledger.witness.remember(plan.study, plan.digest, str(plan_path.resolve()))
        watch = ApprovalWatch(plan, plan_path, approval, ledger.witness.identity)
        if checked.approval_file_holds:
            approval = _bind(plan_path, checked, now, ledger, was_empty=was_empty)
        _record_approval(ledger, approval, checked.ledger_location, requests.subject_count)
        if checked.approval_file_holds:
            ledger.follow_approvals(watch.find_newer)
        yield ledger, watch


def _record_approval(
    ledger: Ledger, approval: Approval, location: Location, job_count: int
) -> None:
    """Record an approval, and with it that the study goes on with other work, where it does.

    Args:
        ledger: open for writing.
        approval: to record.
        location: of the ledger.
        job_count: how many jobs the plan has.

    Raises:
        NotApproved: a later approval counts.
        LedgerBusy: other processes run an earlier plan of the study.
    """
    with ExitStack() as stack:
        table = None
        if isinstance(location, PostgresLocation):
            table = stack.enter_context(open_job_table(location, ledger, LEASE_SECONDS))
        with ledger.transaction():
            ledger.record_approval(approval)
            # Asked in here: another process may have begun with other work just now.
            if table is not None and ledger.has_other_work:
                table.reopen_jobs(job_count)
            ledger.continue_work()


def _bind(
    plan_path: Path, checked: CheckedPlan, now: datetime, ledger: Ledger, *, was_empty: bool
) -> Approval:
    """Bind the approval beside a plan to its ledger, and keep its watermarks there.

    Raises:
        NotApproved: it cannot be bound, or it ends later than was checked.
    """
    plan, location = checked.plan, checked.ledger_location
    next_step = f"afcost ledger {shlex.quote(str(checked.folder))} accept-restored"
    bindable = BindableLedger(
        location=location.name,
        newest=ledger.witness.durable,
        was_empty=was_empty,
        check_watermark=partial(ledger.check_watermark, next_step=next_step),
    )
    approval = bind_approval(plan, plan_path, now, bindable)
    if approval.until != checked.approval.until:
        raise NotApproved(
            f"plan {plan_path} was approved again, until another time, while this run began; "
            "nothing was sent. Run it again"
        )
    keeper = WatermarkKeeper(plan, plan_path, shared=location.is_shared)
    ledger.witness.also_promise(keeper.keep)
    return approval
