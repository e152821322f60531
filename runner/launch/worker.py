"""A worker: one execution in this process, with its interrupts, its clock and its lease."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Any, Self

from estimator.wall_time import AccountLimits, SeenLimits
from estimator.workload import PlannedModel
from pricing.money import Money
from providers.rate_limits import RateLimit, find_minute_limit
from runner.batches import BatchCourse
from runner.errors import CannotSend, LedgerError
from runner.execution import (
    TRUSTED_PART_OF_CAP,
    Job,
    JobQueue,
    Progress,
    ResumeState,
    RunScheduler,
    SlowStart,
)
from runner.launch.live_tasks import LiveReporter, obey_wishes
from runner.launch.run_options import ApprovalEnd, Control, OpenWork, RunOptions
from runner.ledger import Ledger
from runner.signals import call_at_signals
from runner.state import find_trust, keep_seen_limits
from runner.transport import HttpTransport

_YOUNG_OBJECTS = 10_000  # that are made before circles of them are looked for; a few MB

# Seconds after which a thread that waits for the interpreter gets it. The ledger's thread waits
# for the event loop whenever it comes back from the disk, a few times in a transaction.
_SWITCH_INTERVAL = 0.001


async def run_worker(  # noqa: PLR0913 - what an execution is made of
    work: OpenWork,
    queue: JobQueue,
    options: RunOptions,
    watch: ApprovalEnd,
    control: Control,
    batches: BatchCourse | None = None,
) -> Progress:
    """Execute a plan's work in this process until it ends or is interrupted.

    Args:
        work: of the plan, with its ledger.
        queue: of its jobs.
        options: what the user chose.
        watch: of its approval, which may expire.
        control: what controls it from outside.
        batches: what has models asked in batches, beside the calls that are made here.

    Raises:
        CannotSend: a model has the prices of batches, which calls are not billed at.
        LedgerError: the ledger failed.
    """
    on_progress = _ignore_display_errors(options.on_progress)
    batched = batches.batched if batches else frozenset()
    _refuse_batch_prices({name: m for name, m in work.models.items() if name not in batched})
    slow_starts = _SlowStarts(work, options.concurrency, queue.worker_count)
    ledger = work.ledger
    async with _make_transport(work, options) as transport:
        scheduler = RunScheduler(
            work.requests,
            work.models,
            ledger,
            queue,
            transport,
            resume=ResumeState.from_ledger(ledger),
            concurrency=options.concurrency,
            retry_policy=options.retry_policy,
            on_progress=on_progress,
            answered_only=options.answered_only,
            slow_starts=slow_starts.of_models,
            batched=batched,
            postpone=batches.postpone if batches else _postpone_nothing,
        )
        if batches is not None:
            batches.attach(scheduler.progress, scheduler.slots, slow_starts.of_models)
        reporter = LiveReporter(
            work.run,
            ledger,
            control.notes,
            options.on_live,
            scheduler.list_waits,
            forecasts=options.beside is None,
        )
        if control.first.is_paused:
            scheduler.pause()
        interrupts = _Interrupts(scheduler)
        with (
            ledger.spool.reserve_space() if ledger.spool else nullcontext(),
            _explain_failure(ledger),
            _collecting_rarely(),
            _switch_threads_often(),
            slow_starts,
            call_at_signals(interrupts.interrupt),
            _in_background(
                _watch_clock(scheduler, on_progress, watch),
                _keep_lease(scheduler, queue),
                obey_wishes(scheduler, control),
                reporter.report_on(),
                *([options.beside(interrupts.interrupt)] if options.beside else []),
            ),
        ):
            try:
                await _run_to_end(scheduler, interrupts)
            finally:
                _keep_limits(work, scheduler.slots.stated_limits)
        await reporter.report()
        return scheduler.progress


def _make_transport(work: OpenWork, options: RunOptions) -> HttpTransport:
    models = work.models.values()
    return HttpTransport(
        work.providers,
        options.timeout,
        {model.name: model.reserve for model in models},
        {model.name: model.capability for model in models},
    )


async def _run_to_end(scheduler: RunScheduler, interrupts: _Interrupts) -> None:
    """Let a scheduler work; the second signal ends it at once, and is no error."""
    try:
        await scheduler.run()
    except asyncio.CancelledError:
        if interrupts.signal_count < 2:  # noqa: PLR2004 - the second one cancels
            raise
    except BaseExceptionGroup as errors:
        raise _first_leaf_error(errors) from errors


def _postpone_nothing(_: Sequence[Job]) -> bool:
    return False


def _refuse_batch_prices(models: Mapping[str, PlannedModel]) -> None:
    """Refuse to send calls of models that are priced as batches: a call costs about twice as much.

    Raises:
        CannotSend: names them.
    """
    if batched := [str(model.name) for model in models.values() if model.offer.is_batch]:
        raise CannotSend(
            f"{', '.join(batched)}: planned in batches, so no call of theirs is reserved or sent. "
            "To send calls, remove `batch: yes` or --batch and plan again"
        )


@contextmanager
def _collecting_rarely() -> Iterator[None]:
    """Look for circles of objects less often than Python does, which takes 8 % of the processor.

    What 200 requests in flight hold is looked through again and again, and hardly any is garbage.
    """
    young, *older = gc.get_threshold()
    gc.set_threshold(max(young, _YOUNG_OBJECTS), *older)
    try:
        yield
    finally:
        gc.set_threshold(young, *older)


def _keep_limits(work: OpenWork, stated: Mapping[str, Iterable[RateLimit]]) -> None:
    """Keep what answers said of rate limits, for the time of later estimates."""
    for written, limits in stated.items():
        name = work.models[written].name
        requests, tokens = (
            find_minute_limit(limits, unit, name.provider) for unit in ("requests", "tokens")
        )
        if requests or tokens:
            seen = SeenLimits(AccountLimits(requests, tokens), datetime.now(UTC).date())
            keep_seen_limits(work.providers[name.provider].base_url, name.id, seen)


class _SlowStarts:
    """The slow starts of a plan's models, with what earlier runs here know of their bills.

    What this run learns is kept when the context ends. A breach that another worker found in this
    run is not told by model: trust in all of them is lost.

    Args:
        work: the plan's.
        concurrency: requests in flight, at most.
        workers: that share the cap, and with it the part that trust may put at risk.
    """

    def __init__(self, work: OpenWork, concurrency: int, workers: int) -> None:
        self._ledger, providers = work.ledger, work.providers
        allowance = Money(work.ledger.balance.cap.pico // (TRUSTED_PART_OF_CAP * workers))
        self._trust = {
            name: find_trust(providers[model.name.provider].base_url, model)
            for name, model in work.models.items()
        }
        self.of_models = {
            name: SlowStart(concurrency, trust, allowance) for name, trust in self._trust.items()
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for trust in self._trust.values():
            if self._ledger.stop_reason.startswith("BREACH"):
                trust.lose()
            trust.save()


@contextmanager
def _explain_failure(ledger: Ledger) -> Iterator[None]:
    """Say, where the ledger failed, what became of the answers and what to do.

    Raises:
        LedgerError: it failed.
    """
    error: Exception | None = None
    try:
        yield
    except LedgerError as raised:
        error = raised
        if not ledger.failure:
            raise
    if ledger.failure:
        kept = f"; {ledger.spool.describe()}" if ledger.spool else ""
        raise LedgerError(
            f"{ledger.failure}; nothing more was sent{kept}. Make its disk or database available "
            "again, then run the plan again: what was kept is settled, not paid again"
        ) from error


@contextmanager
def _switch_threads_often() -> Iterator[None]:
    """Let threads wait less for each other, for the duration of the context."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, _SWITCH_INTERVAL))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@contextmanager
def _in_background(*coroutines: Coroutine[Any, Any, None]) -> Iterator[None]:
    """Run coroutines as tasks for the duration of the context."""
    tasks = [asyncio.create_task(each) for each in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def _watch_clock(
    scheduler: RunScheduler, on_progress: Callable[[Progress], None], watch: ApprovalEnd
) -> None:
    """Report progress every second, and stop once the approval has expired."""
    while True:
        await asyncio.sleep(1)
        if watch.until is not None and datetime.now(UTC) >= watch.until:
            scheduler.expire()
        on_progress(scheduler.progress)


async def _keep_lease(scheduler: RunScheduler, queue: JobQueue) -> None:
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


class _Interrupts:
    """First Ctrl-C: finish what is in flight. Second: cancel it and hold its money."""

    def __init__(self, scheduler: RunScheduler) -> None:
        self._scheduler = scheduler
        self._task = asyncio.current_task()
        self.signal_count = 0

    def interrupt(self) -> None:
        """Finish what is in flight; the second time, hold it."""
        self.signal_count += 1
        self._scheduler.interrupt()
        if self.signal_count > 1 and self._task is not None:
            self._task.cancel()


def _first_leaf_error(errors: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
