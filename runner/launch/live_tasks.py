"""Live tasks: what a worker does beside its work: it forecasts the end, and obeys wishes."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import platform
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from runner.control import (
    Notes,
    StatedWait,
    WorkerState,
    leave_state,
    read_wishes,
    record_obeyed,
)
from runner.errors import LedgerError, RunnerError
from runner.execution import ModelWait
from runner.forecasting import LiveView, list_warnings
from runner.launch.live_notes import write_live_note
from runner.launch.run_options import Control
from runner.ledger import LEAD_MARK, Ledger
from runner.run_folder import RunFolder

if TYPE_CHECKING:
    from runner.forecasting import LiveWatch

_LOOK_INTERVAL, _LONGEST_INTERVAL = 3.0, 15.0  # seconds between forecasts
_LOOK_SHARE = 0.02  # of a processor's time may go into them, up to the longest interval
_WISH_INTERVAL = 1.0  # seconds between looks at what is wished

_LOG = logging.getLogger(__name__)

OnLive = Callable[[LiveView, list[str]], None]


class LiveReporter:
    """Forecasts the end of a run that goes on, keeps that, and tells of it.

    What fails here costs no answer: it is tried again later. A mistake of afcost's own is told of
    once, and the run goes on without a forecast.

    Args:
        run: the run.
        ledger: its, open for writing.
        notes: beside it.
        on_live: is called with the forecast, and with what is warned of for the first time.
        list_waits: returns the models that are asked nothing now.
        forecasts: whether it forecasts; else it leaves only what this process says of itself, and
            the process that started it forecasts for all.
    """

    def __init__(  # noqa: PLR0913 - what it reads, and whom it tells
        self,
        run: RunFolder,
        ledger: Ledger,
        notes: Notes,
        on_live: OnLive,
        list_waits: Callable[[], Sequence[ModelWait]] = tuple,
        *,
        forecasts: bool = True,
    ) -> None:
        self._forecasts = forecasts
        self._list_waits = list_waits
        self._waits: Sequence[ModelWait] = ()
        self._run, self._ledger, self._notes, self._on_live = run, ledger, notes, on_live
        self._watch: LiveWatch | None = None
        self._busy, self._looking = asyncio.Lock(), threading.Lock()
        self._has_failed = False

    async def report(self) -> float:
        """Forecast once; return how many seconds of a processor that took."""
        took = 0.0
        async with self._busy:
            try:
                self._waits = self._list_waits()  # here, where nothing changes them meanwhile
                view, said, took = await asyncio.to_thread(self._look)
            except (RunnerError, OSError):
                self._watch = None  # it may have seen a part
                return took
            except Exception:  # noqa: BLE001 - it must not end a paid run
                self._watch = None
                self._report_mistake()
                return took
            if view is not None:
                with suppress(OSError, ValueError):  # a closed pipe, a terminal that is gone
                    self._on_live(view, said)
        return took

    def _report_mistake(self) -> None:
        if not self._has_failed:
            _LOG.exception("the live forecast failed; the run goes on without it")
        self._has_failed = True

    async def report_on(self) -> None:
        """Forecast every few seconds, more rarely where it takes long."""
        while True:
            took = await self.report()
            await asyncio.sleep(min(max(_LOOK_INTERVAL, took / _LOOK_SHARE), _LONGEST_INTERVAL))

    def _look(self) -> tuple[LiveView | None, list[str], float]:
        # A look goes on in its thread after its task is cancelled: the next one waits for it.
        with self._looking:
            return self._look_now()

    def _look_now(self) -> tuple[LiveView | None, list[str], float]:
        from runner.forecasting import LiveWatch  # noqa: PLC0415 - it loads numpy

        began, worker = time.thread_time(), self._leave_state()
        if not self._forecasts:
            return None, [], time.thread_time() - began
        self._watch = self._watch or LiveWatch(self._run)
        balance = self._ledger.balance
        now = datetime.now(UTC)
        view = self._watch.look(now, balance)
        warned = list_warnings(
            view, self._run.plan.total, balance, is_cheaper=self._watch.is_cheaper
        )
        said = write_live_note(self._notes, view, warned, worker)
        return view, said, time.thread_time() - began

    def _leave_state(self) -> tuple[str, WorkerState] | None:
        """Leave what this process says of itself; return it where it has no note of its own."""
        name, state = self._ledger.worker, _state_worker(self._waits, datetime.now(UTC))
        if not self._ledger.is_shared:
            return name, state
        if not name.startswith(LEAD_MARK):
            leave_state(self._notes, name, state)
        return None


def _state_worker(waits: Sequence[ModelWait], now: datetime) -> WorkerState:
    """Return what this process leaves of itself."""
    stated = tuple(_state_wait(each, now) for each in waits)
    at, cpu = now.isoformat(timespec="seconds"), time.process_time()
    return WorkerState(at, cpu, stated, platform.node(), os.getpid())


def _state_wait(wait: ModelWait, now: datetime) -> StatedWait:
    until = ""
    if wait.seconds is not None and wait.seconds < math.inf:
        until = (now + timedelta(seconds=wait.seconds)).isoformat(timespec="seconds")
    return StatedWait(wait.model, wait.stage, until, wait.seconds is None, wait.why)


class Steered(Protocol):
    """What can be told to pause, to go on, and to end."""

    def interrupt(self) -> None: ...  # noqa: D102
    def pause(self) -> None: ...  # noqa: D102
    def resume(self) -> None: ...  # noqa: D102


async def obey_wishes(scheduler: Steered, control: Control) -> None:
    """Pause, resume and stop as it is wished."""
    obeyed = control.first
    known = {"", obeyed.stop}  # a note that is lost, and found again, stops nothing
    while True:
        await asyncio.sleep(_WISH_INTERVAL)
        with suppress(LedgerError, OSError):
            wishes = await asyncio.to_thread(read_wishes, control.notes)
            if wishes == obeyed:
                continue
            if wishes.stop not in known:
                known.add(wishes.stop)
                scheduler.interrupt()
            elif wishes.is_paused:
                scheduler.pause()
            else:
                scheduler.resume()
            obeyed = wishes
            await asyncio.to_thread(record_obeyed, control.notes, wishes)
