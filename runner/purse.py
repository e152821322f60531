"""The purse: waiting for money without waiting for ever.

Money that is tied up in live work may come back, so it is worth waiting for; money that is held or
settled never does. A job that cannot be admitted waits while any other job is open. A job that
needs more than was set aside for it (its judge's prompt came out longer, an attempt was held) waits
while anything is working; when all that is open waits for money, one gives up.
"""

from __future__ import annotations

import asyncio

from pricing.money import Money
from runner.attempt import Attempt, StoredAnswer
from runner.ledger import Ledger


class Purse:
    """The ledger, as seen by tasks of one event loop."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._changed = asyncio.Condition()
        self._open = 0  # jobs admitted and not closed
        self._working = 0  # tasks of open jobs that are not waiting for money
        self._tasks: dict[str, int] = {}  # of jobs that go on as several
        self._waiting = 0  # tasks that wait for a top-up; they go before new jobs

    async def admit(self, job: str, amount: Money) -> bool:
        """Set a job's whole amount aside before anything of it is sent.

        Returns:
            False where the cap cannot hold it even once all open jobs are done.
        """
        async with self._changed:
            while self._waiting or not self._ledger.set_aside(job, amount):
                if self._open == 0:
                    return False
                await self._changed.wait()
            self._open += 1
            self._working += 1
        return True

    async def top_up(self, job: str, amount: Money) -> bool:
        """Set more aside for an open job; False where nothing that works could free it."""
        async with self._changed:
            if self._ledger.set_aside(job, amount):
                return True
            self._waiting += 1
            self._working -= 1
            try:
                self._changed.notify_all()
                while self._working > 0:
                    await self._changed.wait()
                    if self._ledger.set_aside(job, amount):
                        return True
                return False
            finally:
                self._waiting -= 1
                self._working += 1
                self._changed.notify_all()

    async def close(self, job: str) -> None:
        """End a job: what is still set aside for it is free again."""
        self._ledger.free(job)
        self._tasks.pop(job, None)
        self._open -= 1
        self._working -= 1
        await self._notify()

    def fork(self, job: str, tasks: int) -> None:
        """Tell that a job goes on as several tasks, and waits for them."""
        if tasks:
            self._tasks[job] = tasks
            self._working += tasks - 1

    async def rest(self, job: str) -> None:
        """Tell that one of a job's tasks is done; with the last one, the job itself goes on."""
        self._tasks[job] -= 1
        if self._tasks[job] > 0:
            self._working -= 1
            await self._notify()

    def missing(self, job: str, amount: Money) -> Money:
        """Give how much more than is set aside for a job an attempt needs."""
        return max(amount - self._ledger.set_aside_for(job), Money())

    def reserve(self, attempt: Attempt, amount: Money) -> None:
        """Reserve for an attempt that is about to be sent."""
        self._ledger.reserve(attempt, amount)

    async def settle(
        self, attempt: Attempt, billed: Money, answer: StoredAnswer, note: str
    ) -> None:
        """Book an answered attempt; what it did not need is free."""
        self._ledger.settle(attempt, billed, answer, note)
        await self._notify()

    def release(self, attempt: Attempt, note: str) -> None:
        """Give an attempt's money back to its job."""
        self._ledger.release(attempt, note)

    async def hold(self, attempt: Attempt, note: str) -> None:
        """Keep an attempt's money for good."""
        self._ledger.hold(attempt, note)
        await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()
