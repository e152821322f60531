"""The conductor: starts the workers of a plan, restarts those that die, and ends them.

The process that leads checks the plan, opens the ledger and registers in it as a worker that takes
no jobs. So the execution goes on as long as it lives, whatever becomes of its workers. It steers
them by notes beside the ledger and learns what they did from the ledger: what started them need not
be reached for that. A worker that is known to be dead is buried by its name at once: what it was
sending is held, its money is free, its jobs wait again.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from estimator.plan import read_plan
from runner.cluster.handover import make_handover
from runner.cluster.life import Crew, Life, LifeEnd
from runner.cluster.local_crew import LocalCrew
from runner.cluster.ray_address import check_ray_address
from runner.control import ask_interrupts, forget_interrupts
from runner.errors import CannotSend, LedgerError
from runner.execution import JobQueue, Progress, SharedJobQueue, StopReason
from runner.launch import (
    ApprovalEnd,
    Control,
    LiveReporter,
    OpenWork,
    RunOptions,
    execute_plan,
    obey_wishes,
)
from runner.ledger import LEAD_MARK, PostgresLocation
from runner.run_folder import RunFolder, default_run_dir, locate_plan_ledger

_INTERVAL = 0.5  # seconds between looks at the workers
_LEDGER_INTERVAL = 2.0  # seconds between looks at the ledger
_MOST_DEATHS = 5  # of one worker in a row, each soon after its start
_SOON = 60.0  # seconds
_LONGEST_DELAY = 30.0  # seconds before a worker that died again and again is started again
_GRACE = 30.0  # seconds that workers have to hold what is in flight, before they are killed
_MOST_FAILURES = 1_000  # that are kept to be shown
# The most telling end first. That all is answered, or was tried, one worker knows for all.
_ENDS = (
    *(StopReason.COMPLETE, StopReason.FAILED, StopReason.STOPPED, StopReason.EXPIRED),
    *(StopReason.INTERRUPTED, StopReason.CAP),
)


@dataclass(frozen=True, slots=True)
class CrewOptions:
    """How many workers, and where.

    Attributes:
        workers: how many.
        address: of Ray's cluster, or `auto`; None for processes on this machine.
    """

    workers: int
    address: str | None = None


def execute_with_crew(
    plan_path: Path, now: datetime, options: RunOptions, crew: CrewOptions
) -> tuple[RunFolder, Progress]:
    """Run an approved plan with several workers, or resume it.

    Args:
        plan_path: the plan file; its approval stands beside it.
        now: the time by which approval and prices are judged.
        options: what the user chose; concurrency is that of each worker.
        crew: of the workers.

    Raises:
        CannotSend: as of `check_crew`.
        EstimatorError, RunnerError: before anything was sent.
    """
    open_crew = check_crew(plan_path, options, crew)

    def conduct(
        work: OpenWork, queue: JobQueue, options: RunOptions, watch: ApprovalEnd, control: Control
    ) -> Progress:
        location = work.run.ledger_location
        assert isinstance(location, PostgresLocation)  # noqa: S101 - checked before
        assert isinstance(queue, SharedJobQueue)  # noqa: S101 - of such a ledger
        with closing(open_crew(crew.workers)) as opened:
            told = location if opened.shares_secrets else replace(location, url=location.name)
            handover = make_handover(work, told, options, watch).to_text()
            slots = [_Slot() for _ in range(crew.workers)]
            conductor = _Conductor(work, queue, options, control, opened, slots, handover)
            return asyncio.run(conductor.run(watch))

    lead = f"{LEAD_MARK}{secrets.token_hex(8)}"
    return execute_plan(plan_path, now, replace(options, worker=lead, conduct=conduct))


def check_crew(plan_path: Path, options: RunOptions, crew: CrewOptions) -> Callable[[int], Crew]:
    """Return what opens a crew of so many workers.

    Raises:
        CannotSend: the ledger is a file, Ray is not installed, or its cluster cannot be reached.
    """
    _refuse_file(plan_path, options)
    return _find_crew(crew.address)


def _refuse_file(plan_path: Path, options: RunOptions) -> None:
    plan = read_plan(plan_path)
    folder = options.folder or default_run_dir(plan)
    if not locate_plan_ledger(folder, plan, options.ledger_url).is_shared:
        raise CannotSend(
            "several workers need a ledger that they share; nothing was sent. Give it with  "
            "--ledger postgresql://USER@HOST/DATABASE"
        )


def _find_crew(address: str | None) -> Callable[[int], Crew]:
    """Return what opens a crew of so many workers."""
    if address is None:
        return lambda _: LocalCrew()
    from runner.cluster.ray_crew import RayCrew  # noqa: PLC0415 - it is an extra

    check_ray_address(address)
    return partial(RayCrew, address)


@dataclass(slots=True)
class _Slot:
    """A worker's place: who is in it now, and how often one died there in a row."""

    name: str = ""
    life: Life | None = None
    began: float = 0.0
    due: float = 0.0
    deaths: int = 0
    end: LifeEnd | None = None  # nothing is started here any more


class _Conductor:
    def __init__(  # noqa: PLR0913 - what an execution is made of
        self,
        work: OpenWork,
        queue: SharedJobQueue,
        options: RunOptions,
        control: Control,
        crew: Crew,
        slots: list[_Slot],
        handover: str,
    ) -> None:
        self.progress = Progress()
        self._work, self._queue, self._options = work, queue, options
        self._control, self._crew, self._handover = control, crew, handover
        self._slots = slots
        self._interrupts = 0
        self._kill_at = 0.0
        self._restarts = 0
        self._reason = ""
        self._counted_to = work.ledger.witness.durable.seq

    async def run(self, watch: ApprovalEnd) -> Progress:
        """Have the work done, and return how it ended."""
        reporter = LiveReporter(
            self._work.run, self._work.ledger, self._control.notes, self._options.on_live
        )
        self.progress.is_paused = self._control.first.is_paused
        beside = [
            asyncio.create_task(each)
            for each in (
                self._keep_lease(),
                obey_wishes(self, self._control),
                reporter.report_on(),
                self._watch_ledger(watch),
            )
        ]
        try:
            with _on_signals(self.interrupt):
                while any(slot.end is None for slot in self._slots):
                    for slot in self._slots:
                        await self._tend(slot)
                    self._show()
                    await asyncio.sleep(_INTERVAL)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.to_thread(self._end_all)
        await self._count()
        await reporter.report()
        self._decide_end()
        return self.progress

    def interrupt(self) -> None:
        """Let the workers finish what is in flight; the second time, have them hold it."""
        self._ask_to_end(StopReason.INTERRUPTED, "")

    def pause(self) -> None:
        """Say that nothing is sent; the workers read it themselves."""
        self.progress.is_paused = True

    def resume(self) -> None:
        """Say that the work goes on."""
        self.progress.is_paused = False

    def _ask_to_end(self, end: StopReason, reason: str) -> None:
        self._interrupts += 1
        self.progress.end = self.progress.end or end
        self._reason = self._reason or reason
        if self._interrupts > 1:
            self._kill_at = self._kill_at or time.monotonic() + _GRACE

    async def _tend(self, slot: _Slot) -> None:
        """Start a worker where one is due, and take what it tells at its end."""
        if slot.end is not None:
            return
        if slot.life is None:
            if self._interrupts:
                slot.end = LifeEnd(StopReason.INTERRUPTED)
            elif time.monotonic() >= slot.due:
                await self._start(slot)
            return
        if self._interrupts > 1 and time.monotonic() > self._kill_at:
            await asyncio.to_thread(slot.life.kill)
        if (end := await asyncio.to_thread(slot.life.poll)) is not None:
            await self._bury(slot, end)

    async def _start(self, slot: _Slot) -> None:
        slot.name, slot.began = secrets.token_hex(8), time.monotonic()
        try:
            slot.life = await asyncio.to_thread(self._crew.start, self._handover, slot.name)
        except CannotSend as error:
            slot.end = LifeEnd("", str(error))

    async def _bury(self, slot: _Slot, end: LifeEnd) -> None:
        """End a worker in the ledger as well; have another go on where its work was not ended."""
        with suppress(LedgerError):  # its lease expires
            await asyncio.to_thread(self._queue.bury, slot.name)
        self.progress.failed += end.failed[: _MOST_FAILURES - len(self.progress.failed)]
        self.progress.cap_held = self.progress.cap_held or end.cap_held
        slot.life = None
        left_early = end.is_final and end.stop_reason is StopReason.INTERRUPTED
        if end.is_final and (self._interrupts or not left_early):
            slot.end = end
            return
        lasted = time.monotonic() - slot.began
        slot.deaths = 1 if lasted > _SOON else slot.deaths + 1
        if slot.deaths > _MOST_DEATHS:
            slot.end = replace(end, end="")
            return
        slot.due = time.monotonic() + min(2.0 ** (slot.deaths - 1) - 1, _LONGEST_DELAY)
        self._restarts += 1

    async def _keep_lease(self) -> None:
        """Renew the lease, by which workers know that this process lives."""
        try:
            await self._queue.send_heartbeats()
        except LedgerError as error:
            self._ask_to_end(StopReason.STOPPED, str(error))

    async def _watch_ledger(self, watch: ApprovalEnd) -> None:
        """Follow the approval, keep how far the ledger has come, and pass on what is asked."""
        told = 0
        while True:
            if watch.until is not None and datetime.now(UTC) >= watch.until:
                self._expire()
            with suppress(LedgerError):  # it is tried again; the lease tells what lasts
                if self._interrupts > told:
                    told = self._interrupts
                    await asyncio.to_thread(self._pass_on, told)
                await asyncio.to_thread(self._touch_ledger)
                await self._count()
            await asyncio.sleep(_INTERVAL if self._interrupts > told else _LEDGER_INTERVAL)

    def _expire(self) -> None:
        if not self._interrupts:
            self._ask_to_end(StopReason.EXPIRED, "")

    def _pass_on(self, interrupts: int) -> None:
        ask_interrupts(self._control.notes, self._work.ledger.worker, interrupts)

    def _touch_ledger(self) -> None:
        """Record a newer approval, and have the watermarks kept beside the plan."""
        with self._work.ledger.transaction():
            pass

    async def _count(self) -> None:
        found, self._counted_to = await asyncio.to_thread(
            self._queue.count_answers_since, self._counted_to
        )
        self.progress.answered += found

    def _show(self) -> None:
        living = sum(slot.life is not None for slot in self._slots)
        restarts = f", {self._restarts:,} restarted" if self._restarts else ""
        self.progress.crew = f"{living} of {len(self._slots)} workers{restarts}"
        if all(slot.end is not None for slot in self._slots):
            self.progress.crew = "all workers have ended"
        with suppress(OSError, ValueError):  # a closed pipe, a terminal that is gone
            self._options.on_progress(self.progress)

    def _end_all(self) -> None:
        for slot in self._slots:
            if slot.life is not None:
                slot.life.kill()
                with suppress(LedgerError):
                    self._queue.bury(slot.name)
        with suppress(LedgerError):
            forget_interrupts(self._control.notes, self._work.ledger.worker)

    def _decide_end(self) -> None:
        """Say how the execution ended, by how the workers did."""
        ends = [slot.end for slot in self._slots if slot.end is not None]
        final = [each for each in ends if each.is_final]
        lost = [each.reason for each in ends if not each.is_final]
        asked = self.progress.end
        found = next((each for each in _ENDS if any(e.end == each for e in final)), None)
        if found in (None, StopReason.INTERRUPTED, StopReason.CAP):
            found = asked or (StopReason.STOPPED if lost else found)
        self.progress.end = found
        told = [each.reason for each in final if each.end == found]
        reasons = [self._reason] if self._reason else [*lost, *told]
        if found is StopReason.COMPLETE:
            reasons = told
        self.progress.reason = "\n".join(dict.fromkeys(filter(None, reasons)))


@contextmanager
def _on_signals(handle: Callable[[], None]) -> Iterator[None]:
    """Call a function at Ctrl-C and SIGTERM, for the duration of the context."""
    loop, numbers = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
    with suppress(NotImplementedError, ValueError, RuntimeError):  # not the main thread
        for number in numbers:
            loop.add_signal_handler(number, handle)
    try:
        yield
    finally:
        with suppress(NotImplementedError, ValueError, RuntimeError):
            for number in numbers:
                loop.remove_signal_handler(number)
