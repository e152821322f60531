"""The purse: waiting for money without waiting for ever.

Money that is tied up in live work may come back, so it is worth waiting for; money that is held or
settled never does. A job that cannot be admitted waits while any other job is open, of this process
or of another on the same ledger. A job that needs more than was set aside for it (its judge's
prompt came out longer, an attempt was held) waits while anything is working; when all that is open
waits for money, one gives up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from pricing.money import Money
from runner.ledger.group_commit import Writer
from runner.ledger.ledger import Ledger
from runner.ledger.records import Attempt, StoredAnswer

_PATIENCE = 30.0  # seconds that other processes' promises are waited for
_ELSEWHERE = 0.2  # seconds between looks at what other processes set free


class Purse:
    """The ledger, as seen by tasks of one event loop."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._write = Writer(ledger).write
        self._news = asyncio.Event()  # set, and replaced, whenever money may have come free
        self._winds_up = False
        self._open = 0  # jobs admitted and not closed
        self._working = 0  # tasks of open jobs that are not waiting for money
        self._tasks: dict[str, int] = {}  # of jobs that go on as several
        self._to_tell = ""  # why nothing more is to be sent, until others are told
        self._waiting = 0  # tasks that wait for a top-up; they go before new jobs

    async def admit(self, jobs: Sequence[tuple[str, Money]]) -> int:
        """Set whole amounts aside for the first jobs that fit, before anything of them is sent.

        Returns:
            how many, from the first one on; 0 where the cap cannot hold even that one once all
            open jobs are done, or this process was taken for dead.
        """
        while True:
            news = self._news
            if not self._waiting:
                admitted = await self._write(partial(self._promise, jobs), durable=False)
                if admitted:
                    self._open += admitted
                    self._working += admitted
                    return admitted
            balance = self._ledger.balance
            if self.halted or self._winds_up:
                return 0
            if self._open == 0 and not (balance.aside or balance.reserved):
                return 0
            await self._wait(news)

    def _promise(self, jobs: Sequence[tuple[str, Money]]) -> int:
        for number, (job, amount) in enumerate(jobs):
            if not self._set_aside(job, amount):
                return number
        return len(jobs)

    def _set_aside(self, job: str, amount: Money) -> bool:
        """Set money aside, unless nothing may be sent any more."""
        with self._ledger.together() as head:
            return not head.stopped and self._ledger.set_aside(job, amount)

    async def top_up(self, job: str, amount: Money) -> bool:
        """Set more aside for an open job.

        Returns:
            False where nothing that works could free it, or nothing may be sent any more.
        """
        set_aside, stands = partial(self._set_aside, job, amount), False
        patience = time.monotonic() + _PATIENCE
        self._waiting += 1
        try:
            while True:
                news = self._news
                if await self._write(set_aside, durable=False):
                    return True
                if not stands:
                    stands, self._working = True, self._working - 1
                    self._tell()
                if self.halted:
                    return False
                if self._working <= 0 and not self._may_come_free(patience):
                    return False
                await self._wait(news)
        finally:
            self._waiting -= 1
            self._working += stands
            self._tell()

    def _may_come_free(self, until: float) -> bool:
        """Say whether others may free money: they are sending, or have jobs open for now.

        All may be waiting for each other's promises, so those are not waited for beyond `until`.
        """
        balance = self._ledger.balance
        promised = balance.aside > self._ledger.own_aside and time.monotonic() < until
        return promised or bool(balance.reserved)

    def wind_up(self) -> None:
        """Let nobody wait for the admission of a job any more."""
        self._winds_up = True
        self._tell()

    async def close(self, job: str) -> None:
        """End a job: what is still set aside for it is free again."""
        await self._write(partial(self._ledger.free, job), durable=False)
        self._tasks.pop(job, None)
        self._open -= 1
        self._working -= 1
        self._tell()

    def fork(self, job: str, tasks: int) -> None:
        """Tell that a job goes on as several tasks, and waits for them."""
        if tasks:
            self._tasks[job] = tasks
            self._working += tasks - 1

    def rest(self, job: str) -> None:
        """Tell that one of a job's tasks is done; with the last one, the job itself goes on."""
        self._tasks[job] -= 1
        if self._tasks[job] > 0:
            self._working -= 1
            self._tell()

    def missing(self, job: str, amount: Money) -> Money:
        """Give how much more than is set aside for a job an attempt needs."""
        return max(amount - self._ledger.set_aside_for(job), Money())

    async def reserve(self, attempt: Attempt, amount: Money) -> bool:
        """Reserve for an attempt that is about to be sent; False where it must not be.

        It must not where less is set aside by now, or this worker is to send nothing more.
        """
        try:
            return await self._write(partial(self._reserve, attempt, amount))
        except asyncio.CancelledError:
            await self._write(partial(self._withdraw, attempt))
            raise

    def _reserve(self, attempt: Attempt, amount: Money) -> bool:
        with self._ledger.together() as head:
            if head.stopped or self.missing(attempt.job, amount):
                return False
            self._ledger.reserve(attempt, amount)
        return True

    def _withdraw(self, attempt: Attempt) -> None:
        """Release an attempt that was cancelled before it was sent, if it was reserved."""
        if self._ledger.is_reserved(attempt):
            self._ledger.release(attempt, "never sent")

    async def settle(
        self, attempt: Attempt, billed: Money, answer: StoredAnswer, note: str
    ) -> None:
        """Book an answered attempt; what it did not need is free."""
        await self._write(partial(self._ledger.settle, attempt, billed, answer, note))
        self._tell()

    async def release(self, attempt: Attempt, note: str) -> None:
        """Give an attempt's money back to its job."""
        await self._write(partial(self._ledger.release, attempt, note))

    async def hold(self, attempt: Attempt, note: str) -> None:
        """Keep an attempt's money for good."""
        await self._write(partial(self._ledger.hold, attempt, note))
        self._tell()

    @property
    def halted(self) -> str:
        """Why nothing more may be sent, if another worker said so or took this one for dead."""
        return self._ledger.halted

    def halt(self, reason: str) -> None:
        """Have all other workers told to send nothing more, because of what a provider did."""
        self._to_tell = reason if self._ledger.shared and not self.halted else ""

    async def tell_others(self) -> None:
        """Tell them, if that is to be done."""
        if reason := self._to_tell:
            self._to_tell = ""
            await self._write(partial(self._ledger.halt, reason))

    async def _wait(self, news: asyncio.Event) -> None:
        """Wait until money may have come free since `news` was taken."""
        with suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), _ELSEWHERE if self._ledger.shared else None)

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
