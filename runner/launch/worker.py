"""A worker: one execution in this process, with its interrupts, its clock and its lease."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from estimator.plan import VerifiedPlan
from experiment.prompts import RequestBuilder
from providers.provider import Provider
from runner.errors import LedgerError
from runner.execution import (
    JobQueue,
    LocalJobQueue,
    Progress,
    RetryPolicy,
    RunScheduler,
    join_workers,
)
from runner.ledger import FileLocation, Ledger, Location
from runner.transport import HttpTransport


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What an execution needs beside its run and its ledger."""

    verified: VerifiedPlan
    providers: dict[str, Provider]
    expires_at: datetime | None
    concurrency: int
    timeout: float
    retry_policy: RetryPolicy
    on_progress: Callable[[Progress], None]


@contextmanager
def open_job_queue(
    location: Location, ledger: Ledger, requests: RequestBuilder, seed: str, lease_seconds: float
) -> Iterator[JobQueue]:
    """Give the work: all of it, or what this process takes of what many share."""
    if isinstance(location, FileLocation):
        ledger.recover_work()
        yield LocalJobQueue(requests, seed)
        return
    with join_workers(location, ledger, requests, seed, lease_seconds) as crew:
        yield crew


async def run_worker(
    ledger: Ledger, queue: JobQueue, requests: RequestBuilder, setting: RunOptions
) -> Progress:
    """Execute a plan's work in this process until it ends or is interrupted."""
    models, changed = setting.verified.models, _ignore_display_errors(setting.on_progress)
    dearest = {model.name: model.reserve for model in models.values()}
    async with HttpTransport(setting.providers, setting.timeout, dearest) as sender:
        execution = RunScheduler(
            requests,
            models,
            ledger,
            queue,
            sender,
            answered={} if ledger.is_shared else ledger.answered_texts(),
            attempts={} if ledger.is_shared else ledger.last_attempt_numbers(),
            excess=ledger.bound_excess(),
            concurrency=setting.concurrency,
            retry_policy=setting.retry_policy,
            on_progress=changed,
        )
        with _InterruptHandler(execution) as interrupts:
            beat = asyncio.create_task(_watch_progress(execution, changed, setting.expires_at))
            report = asyncio.create_task(_send_heartbeats(execution, queue))
            try:
                await execution.run()
            except asyncio.CancelledError:
                if interrupts.signal_count < 2:  # noqa: PLR2004 - the second one cancels
                    raise
            except BaseExceptionGroup as errors:
                raise _first_leaf_error(errors) from errors
            finally:
                beat.cancel()
                report.cancel()
        return execution.progress


async def _watch_progress(
    scheduler: RunScheduler, on_progress: Callable[[Progress], None], expires_at: datetime | None
) -> None:
    """Report progress every second, and stop once the approval has expired."""
    while True:
        await asyncio.sleep(1)
        if expires_at is not None and datetime.now(UTC) >= expires_at:
            scheduler.expire()
        on_progress(scheduler.progress)


async def _send_heartbeats(scheduler: RunScheduler, queue: JobQueue) -> None:
    """Renew this process's lease; stop the run if that fails."""
    try:
        await queue.send_heartbeats()
    except LedgerError as error:
        scheduler.stop(str(error))


def _ignore_display_errors(on_progress: Callable[[Progress], None]) -> Callable[[Progress], None]:
    """Wrap a callback so that a display error cannot end a paid run."""

    def show_progress(progress: Progress) -> None:
        with suppress(OSError, ValueError):  # a closed pipe, a terminal that is gone
            on_progress(progress)

    return show_progress


class _InterruptHandler:
    """First Ctrl-C: finish what is in flight. Second: cancel it and hold its money."""

    def __init__(self, scheduler: RunScheduler) -> None:
        self.run_worker = scheduler
        self._task = asyncio.current_task()
        self.signal_count = 0

    def __enter__(self) -> Self:
        with suppress(NotImplementedError, ValueError, RuntimeError):  # not in a main thread
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, self._handle_signal)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(NotImplementedError, ValueError, RuntimeError):
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().remove_signal_handler(number)

    def _handle_signal(self) -> None:
        self.signal_count += 1
        self.run_worker.interrupt()
        if self.signal_count > 1 and self._task is not None:
            self._task.cancel()


def _first_leaf_error(errors: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
