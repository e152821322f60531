"""A worker: one execution in this process, with its interrupts, its clock and its lease."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from estimator.plan.staleness import Fresh
from experiment.prompts.request_builder import Requests
from providers.provider import Provider
from runner.errors import LedgerError
from runner.execution.job_queue import OwnQueue, Queue
from runner.execution.retry import Patience
from runner.execution.scheduler import Execution, Progress
from runner.ledger.ledger import Ledger
from runner.ledger.location import FileLocation, Location
from runner.transport.sender import Sender


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What an execution needs beside its run and its ledger."""

    fresh: Fresh
    known: dict[str, Provider]
    until: datetime | None
    concurrency: int
    timeout: float
    patience: Patience
    changed: Callable[[Progress], None]


@contextmanager
def open_queue(
    place: Location, ledger: Ledger, requests: Requests, seed: str, lease: float
) -> Iterator[Queue]:
    """Give the work: all of it, or what this process takes of what many share."""
    if isinstance(place, FileLocation):
        ledger.recover()
        yield OwnQueue(requests, seed)
        return
    from runner.execution.shared_job_queue import joined  # noqa: PLC0415 - its database is an extra

    with joined(place, ledger, requests, seed, lease) as crew:
        yield crew


async def run_worker(
    ledger: Ledger, queue: Queue, requests: Requests, setting: RunOptions
) -> Progress:
    """Execute a plan's work in this process until it ends or is interrupted."""
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
        self.run_worker = execution
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
        self.run_worker.interrupt()
        if self.asked > 1 and self._task is not None:
            self._task.cancel()


def _first(errors: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
