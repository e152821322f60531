"""Budget: asynchronous access to the ledger's money; waits for money that may come free.

Money that is tied up in live work may come back, so it is worth waiting for; money that is held or
settled never does. A job that cannot be admitted waits while any other job is open, of this process
or of another on the same ledger. A job that needs more than was allocated to it (its judge's prompt
came out longer, an attempt was held) waits while any task is working; when everything that is open
waits for money, one gives up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from functools import partial
from typing import TypeVar

from pricing.money import Money
from runner.errors import LedgerError
from runner.execution.group_commit import GroupCommitWriter
from runner.ledger import NEVER_SENT, Attempt, Ledger, SpooledAnswer, SpooledRelease

T = TypeVar("T")

_NOTHING = Money()
_OTHERS_TIMEOUT = 30.0  # seconds that money allocated by other processes is waited for
_POLL_INTERVAL = 0.2  # seconds between looks at what other processes set free


class Budget:
    """The ledger's money, as seen by the tasks of one event loop.

    Args:
        ledger: open for writing.
        pace: seconds, at least, from one transaction to the next.
        has_batches: whether some of what is reserved may be for batches, which free it in hours.
    """

    def __init__(self, ledger: Ledger, pace: float = 0.0, *, has_batches: bool = False) -> None:
        self._ledger = ledger
        self._frees_soon = not has_batches  # what is reserved, or allocated
        self._write_or_raise = GroupCommitWriter(ledger, pace).write
        # Set, and replaced, whenever money may have come free. Not a Condition: that would hold its
        # lock while the ledger is written to the disk.
        self._news = asyncio.Event()
        self._draining = False
        self._open_jobs: dict[str, int] = {}  # job -> tasks that it waits for; 0 if it has none
        self._kept: set[str] = set()  # jobs whose money stays allocated when they are closed
        self._topping_up = 0  # tasks in `top_up`; they go before new jobs
        self._idle_tasks = 0  # those of them that were refused, and wait
        self._stop_to_broadcast = ""  # why nothing more is to be sent, until it is broadcast

    @property
    def failure(self) -> str:
        """Why the ledger can no longer be written; empty while it can."""
        return self._ledger.failure

    async def _write(self, action: Callable[[], T], otherwise: T, *, durable: bool = True) -> T:
        """Write to the ledger, and return the result; `otherwise` where it can take no more.

        Its failure is a reason to stop sending, not to abandon what is in flight.
        """
        try:
            return await self._write_or_raise(action, durable=durable)
        except LedgerError:
            if not self.failure:
                raise
            self._wake_waiters()
            return otherwise

    async def admit(self, jobs: Sequence[tuple[str, Money]]) -> int:
        """Allocate whole amounts to the first jobs that fit, before any of them is sent.

        Returns:
            how many, from the first one on; each is open until `job` or `close_job` closes it. 0
            where the cap cannot hold even the first one once all open jobs are done, batches apart,
            or this process was taken for dead.
        """
        while True:
            news = self._news
            if not self._topping_up:
                admitted = await self._write(
                    partial(self._allocate_in_order, jobs), 0, durable=False
                )
                if admitted:
                    self._open_jobs |= {job: 0 for job, _ in jobs[:admitted]}
                    return admitted
            balance = self._ledger.balance
            if self.stop_reason or self._draining:
                return 0
            if not self._open_jobs and not (
                self._frees_soon and (balance.aside or balance.reserved)
            ):
                return 0
            await self._wait_for_news(news)

    def _allocate_in_order(self, jobs: Sequence[tuple[str, Money]]) -> int:
        for number, (job, amount) in enumerate(jobs):
            # Where its answer came in a batch, it has what its judges may cost.
            if not self._try_allocate(job, amount - min(amount, self._ledger.allocated_to(job))):
                return number
        return len(jobs)

    def _try_allocate(self, job: str, amount: Money) -> bool:
        """Allocate money, unless sending has stopped."""
        with self._ledger.transaction() as head:
            return not head.is_stopped and self._ledger.allocate(job, amount)

    def job(self, job: str) -> AbstractAsyncContextManager[None]:
        """Work on an admitted job for the duration of the context, and close it at its end."""
        return _OpenJob(self, job)

    async def close_job(self, job: str) -> None:
        """Close an admitted job, of which no task works any more; free what is allocated to it."""
        if job not in self._kept and self._ledger.allocated_to(job) > _NOTHING:
            await self._write(partial(self._ledger.deallocate, job), None, durable=False)
        del self._open_jobs[job]
        self._wake_waiters()

    def keep(self, job: str) -> None:
        """Leave what is allocated to a job as it is when the job is closed: others go on with it.

        The end of the execution frees it.
        """
        self._kept.add(job)

    async def close_all_jobs(self) -> None:
        """Free the money still allocated to any job, at the end of an execution."""
        if self._ledger.allocated_here:
            await self._write(self._ledger.deallocate_all, None, durable=False)

    @contextmanager
    def task(self, job: str) -> Iterator[None]:
        """Work on an open job as one of several tasks; the job itself waits until all are done."""
        self._open_jobs[job] += 1
        try:
            yield
        finally:
            self._open_jobs[job] -= 1
            if self._open_jobs[job]:  # after the last one the job itself works again
                self._wake_waiters()

    @property
    def _working_tasks(self) -> int:
        """How many tasks of open jobs, or jobs by themselves, do not wait for money."""
        return sum(max(tasks, 1) for tasks in self._open_jobs.values()) - self._idle_tasks

    async def top_up(self, job: str, amount: Money) -> bool:
        """Allocate more money to an open job.

        Returns:
            False where nothing that works could free it, or nothing may be sent any more.
        """
        allocate = partial(self._try_allocate, job, amount)
        self._topping_up += 1
        try:
            news = self._news
            if await self._write(allocate, otherwise=False, durable=False):
                return True
            return await self._retry_top_up(allocate, news)
        finally:
            self._topping_up -= 1
            self._wake_waiters()

    async def _retry_top_up(self, allocate: Callable[[], bool], news: asyncio.Event) -> bool:
        """Wait until money can be allocated; it was refused after `news` was taken."""
        deadline = time.monotonic() + _OTHERS_TIMEOUT
        self._idle_tasks += 1
        self._wake_waiters()
        try:
            while not self.stop_reason and self._may_come_free(deadline):
                await self._wait_for_news(news)
                news = self._news
                if await self._write(allocate, otherwise=False, durable=False):
                    return True
        finally:
            self._idle_tasks -= 1
        return False

    def _may_come_free(self, deadline: float) -> bool:
        """Return whether anyone may free money: a task here, or a worker that sends or has jobs.

        Batches may too, but only after hours.

        All workers may be waiting for what the others have allocated, so that is not waited for
        beyond `deadline`.
        """
        if self._working_tasks > 0:
            return True
        balance = self._ledger.balance
        allocated = balance.aside > self._ledger.allocated_here and time.monotonic() < deadline
        return allocated or (self._frees_soon and bool(balance.reserved))

    def drain(self) -> None:
        """Let no job wait for admission any more."""
        self._draining = True
        self._wake_waiters()

    def missing_amount(self, job: str, amount: Money) -> Money:
        """Return how much an attempt needs beyond what is allocated to its job."""
        allocated = self._ledger.allocated_to(job)
        return amount - allocated if amount > allocated else _NOTHING

    async def reserve(self, attempts: Sequence[tuple[Attempt, Money]]) -> bool:
        """Reserve money for what is about to be sent; return False where it must not be sent.

        It must not where less is allocated by now, this worker is to send nothing more, or the cap
        was lowered meanwhile: what is allocated to the job is free again then.

        Args:
            attempts: of a job, that one request sends: all of them are reserved, or none.
        """
        unsent = [attempt for attempt, _ in attempts]
        try:
            return await self._write_or_raise(partial(self._reserve_now, attempts))
        except LedgerError:
            if not self.failure:
                raise
            self._spool_releases(unsent, NEVER_SENT)  # it is not known what was written
            return False
        except asyncio.CancelledError:
            await self._release_or_spool(partial(self._release_unsent, unsent), unsent, NEVER_SENT)
            raise

    def _reserve_now(self, attempts: Sequence[tuple[Attempt, Money]]) -> bool:
        job, whole = attempts[0][0].job, sum((amount for _, amount in attempts), Money())
        with self._ledger.transaction() as head:
            if head.is_stopped or whole > self._ledger.allocated_to(job):
                return False
            if not self._ledger.covers(whole):
                self._ledger.deallocate(job)
                return False
            for attempt, amount in attempts:
                self._ledger.reserve(attempt, amount, self._note_reserved(attempt))
        return True

    def _note_reserved(self, attempt: Attempt) -> str:  # noqa: ARG002 - for others to say more
        """Return what the entry of a reservation says."""
        return ""

    def _release_unsent(self, attempts: Sequence[Attempt]) -> None:
        """Release what was cancelled before it was sent, if it was reserved."""
        with self._ledger.transaction():
            for attempt in attempts:
                if self._ledger.is_reserved(attempt):
                    self._ledger.release(attempt, NEVER_SENT)

    async def settle(
        self, answers: Sequence[SpooledAnswer], unanswered: Sequence[Attempt] = ()
    ) -> None:
        """Settle answered attempts and free what they did not need, unless that is to be held.

        Who is cancelled meanwhile learns of it only then. An answer that the ledger does not take
        is spooled, and nothing more is sent.

        Args:
            answers: to one request: all of them are settled in one transaction.
            unanswered: attempts of the same request that got no answer; their money is free.
        """
        settling = self._write_or_raise(partial(self._settle_now, answers, unanswered))
        try:
            await settling
        except LedgerError as error:
            if self._ledger.spool is None:
                raise
            self._spool(error, answers, unanswered)
        except asyncio.CancelledError:  # it is written by now, or could not be
            if isinstance(failed := settling.exception(), LedgerError):
                self._spool(failed, answers, unanswered)
            raise
        finally:
            self._wake_waiters()

    def _spool(
        self,
        error: LedgerError,
        answers: Sequence[SpooledAnswer],
        unanswered: Sequence[Attempt],
    ) -> None:
        """Spool what was not settled: the ledger has failed."""
        if self._ledger.spool is None:
            return
        self._ledger.fail(str(error))
        for each in answers:
            self._ledger.spool.keep(each)
        self._spool_releases(unanswered, _describe_unanswered(answers))

    def _settle_now(self, answers: Sequence[SpooledAnswer], unanswered: Sequence[Attempt]) -> None:
        with self._ledger.transaction():
            for it in answers:
                self._ledger.settle(it.attempt, it.billed, it.answer, it.note, is_held=it.is_held)
            for attempt in unanswered:
                self._ledger.release(attempt, _describe_unanswered(answers), to_job=False)

    async def release(self, attempts: Sequence[Attempt], note: str) -> None:
        """Return the money of attempts that one request sends to their job.

        Where the ledger does not take it, that they cost nothing is spooled.
        """
        write = partial(self._for_each, self._ledger.release, attempts, note)
        await self._release_or_spool(write, attempts, note)

    async def _release_or_spool(
        self, write: Callable[[], None], attempts: Sequence[Attempt], note: str
    ) -> None:
        try:
            await self._write_or_raise(write)
        except LedgerError:
            if not self.failure:
                raise
            self._spool_releases(attempts, note)

    def _spool_releases(self, attempts: Iterable[Attempt], note: str) -> None:
        """Spool that attempts cost nothing: the ledger has failed."""
        self._wake_waiters()
        if self._ledger.spool is not None:
            for attempt in attempts:
                self._ledger.spool.keep_release(SpooledRelease(attempt, note))

    async def hold(self, attempts: Sequence[Attempt], note: str) -> None:
        """Hold the money of attempts that one request sends until it is reconciled."""
        await self._write(partial(self._for_each, self._ledger.hold, attempts, note), None)
        self._wake_waiters()

    def _for_each(
        self, write: Callable[[Attempt, str], None], attempts: Sequence[Attempt], note: str
    ) -> None:
        with self._ledger.transaction():
            for attempt in attempts:
                write(attempt, note)

    @property
    def stop_reason(self) -> str:
        """Why sending must stop: another worker stopped it, or this one was evicted; else empty."""
        return self._ledger.stop_reason

    @property
    def is_overdrawn(self) -> bool:
        """Whether the cap was lowered below what is committed, as of the last transaction."""
        return self._ledger.is_overdrawn

    async def look(self) -> None:
        """Read what other workers, and newer approvals, changed, while nothing else is written."""
        await self._write(self._read_head, None, durable=False)

    def _read_head(self) -> None:
        with self._ledger.transaction(durable=False):
            pass

    def stop_others(self, reason: str) -> None:
        """Prepare to tell all other workers to stop, because of what a provider did."""
        self._stop_to_broadcast = reason if self._ledger.is_shared and not self.stop_reason else ""

    async def broadcast_stop(self) -> None:
        """Tell the other workers to stop, if `stop_others` was called."""
        if reason := self._stop_to_broadcast:
            self._stop_to_broadcast = ""
            await self._write(partial(self._ledger.stop_workers, reason), None)

    async def _wait_for_news(self, news: asyncio.Event) -> None:
        """Wait until money may have come free since `news` was taken."""
        with suppress(TimeoutError):
            await asyncio.wait_for(news.wait(), _POLL_INTERVAL if self._ledger.is_shared else None)

    def _wake_waiters(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class _OpenJob(AbstractAsyncContextManager[None]):
    """Closes a job at the end of the context."""

    __slots__ = ("_budget", "_job")

    def __init__(self, budget: Budget, job: str) -> None:
        self._budget, self._job = budget, job

    async def __aexit__(self, *_: object) -> None:
        await self._budget.close_job(self._job)


def _describe_unanswered(answers: Sequence[SpooledAnswer]) -> str:
    return f"no answer of its own, among {len(answers)} to one request"
