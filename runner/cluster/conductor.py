"""The conductor: has the workers of a plan do its work, and ends them.

It steers them by notes beside the ledger and learns what they did from the ledger: what started
them need not be reached for that.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime

from runner.cluster.crew_end import judge_ends
from runner.cluster.crew_places import CrewPlaces
from runner.control import LeadWishes, ask_workers, forget_lead_wishes
from runner.errors import LedgerError, RunnerError
from runner.execution import Progress, SharedJobQueue, StopReason
from runner.launch import (
    ApprovalEnd,
    Control,
    LiveReporter,
    OpenWork,
    RunOptions,
    obey_wishes,
)
from runner.signals import call_at_signals

_INTERVAL = 0.5  # seconds between looks at the workers
_LEDGER_INTERVAL = 0.5  # seconds between looks at the ledger and at the approval


class Conductor:
    """Has a plan's work done by workers.

    Args:
        work: of the plan, with its ledger.
        queue: of its jobs.
        options: what the user chose.
        control: what controls the run from outside.
        places: of the workers.

    Attributes:
        progress: of all workers together.
    """

    def __init__(
        self,
        work: OpenWork,
        queue: SharedJobQueue,
        options: RunOptions,
        control: Control,
        places: CrewPlaces,
    ) -> None:
        self.progress = Progress()
        self._work, self._queue, self._options = work, queue, options
        self._control, self._places = control, places
        self._reason = ""
        self._signals = 0
        self._counted_to = work.ledger.witness.durable.seq

    async def run(self, watch: ApprovalEnd) -> Progress:
        """Have the work done, and return how it ended.

        Args:
            watch: of the plan's approval, which may expire.
        """
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
            with call_at_signals(self._heed_signal):
                while not self._places.are_done:
                    await self._places.tend()
                    self._show()
                    await asyncio.sleep(_INTERVAL)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.to_thread(self._end_all)
        await self._count()
        await reporter.report()
        return self._finish()

    def interrupt(self) -> None:
        """Let the workers finish what is in flight."""
        self._ask_to_end(StopReason.INTERRUPTED, "")

    def pause(self) -> None:
        """Say that nothing is sent; the workers read it themselves."""
        self.progress.is_paused = True

    def resume(self) -> None:
        """Say that the work goes on."""
        self.progress.is_paused = False

    def _heed_signal(self) -> None:
        """Let the workers finish what is in flight; at the second signal, have them hold it."""
        self._signals += 1
        self._ask_to_end(StopReason.INTERRUPTED, "")

    def _ask_to_end(self, end: StopReason, reason: str) -> None:
        # Only signals count: one after `afcost stop`, say, is the first.
        self._places.ask_to_end(max(self._signals, 1))
        self.progress.end = self.progress.end or end
        self._reason = self._reason or reason

    async def _keep_lease(self) -> None:
        """Renew the lease, by which workers know that this process lives."""
        try:
            await self._queue.send_heartbeats()
        except LedgerError as error:
            self._ask_to_end(StopReason.STOPPED, str(error))

    async def _watch_ledger(self, watch: ApprovalEnd) -> None:
        """Follow the approval, keep how far the ledger has come, and pass on what is asked."""
        told = LeadWishes(until=_write_time(watch.until))
        while True:
            if watch.until is not None and datetime.now(UTC) >= watch.until:
                self._expire()
            # It is tried again; the lease tells what lasts.
            with suppress(RunnerError, OSError):
                asked = LeadWishes(self._places.asked, _write_time(watch.until))
                if asked != told:
                    await asyncio.to_thread(self._pass_on, asked)
                    told = asked
                await asyncio.to_thread(self._touch_ledger)
                self._obey_eviction()
                await self._count()
            await asyncio.sleep(_LEDGER_INTERVAL)

    def _obey_eviction(self) -> None:
        """End where others took this process for dead: its workers end, whatever it does."""
        if self._work.ledger.is_evicted and not self._places.asked:
            self._ask_to_end(StopReason.STOPPED, self._work.ledger.stop_reason)

    def _expire(self) -> None:
        if not self._places.asked:
            self._ask_to_end(StopReason.EXPIRED, "")

    def _pass_on(self, asked: LeadWishes) -> None:
        ask_workers(self._control.notes, self._work.ledger.worker, asked)

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
        places, progress = self._places, self.progress
        restarts = f", {places.restarts:,} restarted" if places.restarts else ""
        progress.crew = f"{places.living} of {len(places)} workers{restarts}"
        if places.are_done:
            progress.crew = "all workers have ended"
        progress.failed, progress.cap_held = places.failed, places.cap_held
        with suppress(OSError, ValueError):  # a closed pipe, a terminal that is gone
            self._options.on_progress(progress)

    def _end_all(self) -> None:
        self._places.kill_all()
        with suppress(LedgerError):
            forget_lead_wishes(self._control.notes, self._work.ledger.worker)

    def _finish(self) -> Progress:
        """Return the progress with how the execution ended, by how the workers did."""
        progress, places = self.progress, self._places
        progress.end, progress.reason = judge_ends(places.ends, progress.end, self._reason)
        progress.failed, progress.cap_held = places.failed, places.cap_held
        return progress


def _write_time(time: datetime | None) -> str:
    return time.isoformat() if time else ""
