"""Running: an approved plan is executed in a folder of its own, again and again until it is done.

Running a plan again continues it; what is answered is never paid again.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Self

from estimator.plan.staleness import Fresh
from experiment.prompts.request_builder import Request, Requests
from pricing.money import Money
from providers.registry import Provider
from runner.approval import approval_file as approvals
from runner.billing.worst_case import Ceilings
from runner.errors import LedgerError
from runner.execution.job_queue import LEASE, OwnQueue, Queue
from runner.execution.retry import Patience
from runner.execution.scheduler import End, Execution, Progress
from runner.launch.preflight import Reached, Ready, reach, ready, refuse_unreachable
from runner.ledger.hash_chain import flaw
from runner.ledger.ledger import Ledger, open_ledger
from runner.ledger.location import Place, read_ledger
from runner.results.calibration_update import learn
from runner.run_folder import Run, prepare
from runner.transport.sender import TIMEOUT, Sender

_SHOWN = 8  # jobs of a dry run
_ANSWERED = "SELECT request FROM answer JOIN attempt ON attempt.id = answer.attempt"


def execute(  # noqa: PLR0913 - what a run is made of
    plan_path: Path,
    now: datetime,
    *,
    folder: Path | None = None,
    concurrency: int = 10,
    timeout: float = TIMEOUT,
    ledger: str | None = None,
    patience: Patience = Patience(),  # noqa: B008 - frozen
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
        if checked.beside:
            approvals.check_kept(plan_path, checked.ledger, is_new=opened.is_new)
        opened.approve(approval)
        if checked.beside:
            approvals.bind(plan_path, checked.ledger)
        with _queue(checked.ledger, opened, requests, plan.digest, lease) as queue:
            started(run, opened)
            setting = _Setting(
                fresh, known, approval.until, concurrency, timeout, patience, changed
            )
            progress = asyncio.run(_execution(opened, queue, requests, setting))
            opened.note_end((progress.end or End.STOPPED).value)
    with suppress(OSError):  # what was learned helps later estimates; this run does not need it
        learn(plan, checked.ledger, known, now.date())
    return run, progress


def dry_run(
    plan_path: Path, now: datetime, folder: Path | None = None, ledger: str | None = None
) -> DryRun:
    """Check everything that a run checks, and give its first jobs; nothing is sent or written.

    Raises:
        EstimatorError, RunnerError: what a run would refuse to begin for.
    """
    checked = ready(plan_path, now, folder, ledger)
    reached = reach(checked.plan, checked.known)
    refuse_unreachable(reached)
    models, place = checked.fresh.models, checked.ledger
    requests = Requests(checked.fresh.experiment, lambda name: models[name].prefill)
    answered: set[str] = set()
    if place.exists():
        with read_ledger(place) as connection:
            if changed := flaw(connection):
                raise LedgerError(f"ledger {place}: {changed}")
            answered = {row[0] for row in connection.execute(_ANSWERED)}
    ceilings = Ceilings(requests, models, {})
    waiting = (s for s in requests.interleaved(checked.plan.digest) if s.id not in answered)
    jobs = [(subject, ceilings.of_job(subject)) for subject in islice(waiting, _SHOWN)]
    return DryRun(checked, reached, jobs, len(answered))


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a run would begin with.

    Attributes:
        checked: the plan, its approval and the rest.
        reached: what each provider answered.
        jobs: the first subject requests that are not answered yet, in the order of work, each with
            the most that it and its judges can cost.
        answered: how many requests are answered already.
    """

    checked: Ready
    reached: list[Reached]
    jobs: list[tuple[Request, Money]]
    answered: int


@dataclass(frozen=True, slots=True)
class _Setting:
    """What an execution needs beside its run and its ledger."""

    fresh: Fresh
    known: dict[str, Provider]
    until: datetime | None
    concurrency: int
    timeout: float
    patience: Patience
    changed: Callable[[Progress], None]


@contextmanager
def _queue(
    place: Place, ledger: Ledger, requests: Requests, seed: str, lease: float
) -> Iterator[Queue]:
    """Give the work: all of it, or what this process takes of what many share."""
    if isinstance(place, Path):
        ledger.recover()
        yield OwnQueue(requests, seed)
        return
    from runner.execution.shared_job_queue import joined  # noqa: PLC0415 - its database is an extra

    with joined(place, ledger, requests, seed, lease) as crew:
        yield crew


async def _execution(
    ledger: Ledger, queue: Queue, requests: Requests, setting: _Setting
) -> Progress:
    models, changed = setting.fresh.models, _shown(setting.changed)
    dearest = {model.name: model.reserve for model in models.values()}
    async with Sender(setting.known, setting.timeout, dearest) as sender:
        execution = Execution(
            requests,
            models,
            ledger,
            queue,
            sender,
            answered={} if ledger.shared else ledger.answered(),
            attempts={} if ledger.shared else ledger.attempts(),
            excess=ledger.excess(),
            concurrency=setting.concurrency,
            patience=setting.patience,
            changed=changed,
        )
        with _Interrupts(execution) as interrupts:
            beat = asyncio.create_task(_beat(execution, changed, setting.until))
            report = asyncio.create_task(_report(execution, queue))
            try:
                await execution.run()
            except asyncio.CancelledError:
                if interrupts.asked < 2:  # noqa: PLR2004 - the second one cancels
                    raise
            except BaseExceptionGroup as errors:
                raise _first(errors) from errors
            finally:
                beat.cancel()
                report.cancel()
        return execution.progress


async def _beat(
    execution: Execution, changed: Callable[[Progress], None], until: datetime | None
) -> None:
    """Every second tell the progress, and see whether the approval has ended."""
    while True:
        await asyncio.sleep(1)
        if until is not None and datetime.now(UTC) >= until:
            execution.expire()
        changed(execution.progress)


async def _report(execution: Execution, queue: Queue) -> None:
    """Tell others that this process lives; without that, it must not go on."""
    try:
        await queue.report()
    except LedgerError as error:
        execution.stop(str(error))


def _shown(changed: Callable[[Progress], None]) -> Callable[[Progress], None]:
    """Let no error of whoever shows the progress end what was paid for."""

    def show(progress: Progress) -> None:
        with suppress(OSError, ValueError):  # a closed pipe, a terminal that is gone
            changed(progress)

    return show


class _Interrupts:
    """The first Ctrl-C lets what is in flight finish; the second cancels it and holds its money."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._task = asyncio.current_task()
        self.asked = 0

    def __enter__(self) -> Self:
        with suppress(NotImplementedError, ValueError, RuntimeError):  # not in a main thread
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, self._signalled)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(NotImplementedError, ValueError, RuntimeError):
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().remove_signal_handler(number)

    def _signalled(self) -> None:
        self.asked += 1
        self._execution.interrupt()
        if self.asked > 1 and self._task is not None:
            self._task.cancel()


def _first(errors: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
