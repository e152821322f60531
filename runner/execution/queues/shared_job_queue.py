"""The shared job queue: workers that share a plan, a queue and a cap in a PostgreSQL ledger.

A worker takes the first waiting jobs that no other is about to take, and renews its lease. When a
lease has expired (after `LEASE_SECONDS`), another worker ends it in one transaction of the ledger:
what it was sending is held, what was allocated to its jobs is free, and its jobs wait again. A
worker that was only slow learns of it before it spends anything more; an answer that it still
receives is stored and settled.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from experiment.prompts import RequestBuilder
from runner.execution.queues.done_jobs import find_done_places
from runner.execution.queues.earlier_answers import AttemptSource, collect_histories
from runner.execution.queues.job_queue import (
    LEASE_SECONDS,
    NO_CELLS,
    Cells,
    Job,
    JobOutcome,
    JobQueue,
    LocalJobQueue,
)
from runner.execution.queues.stop_reason import StopReason
from runner.ledger import (
    BATCH_MARK,
    FileLocation,
    JobTable,
    Ledger,
    Location,
    PostgresLocation,
    follow_ledger,
    open_job_table,
)

_COUNT_INTERVAL = 2.0  # seconds between looks at how many workers there are


class SharedJobQueue:
    """The job queue of a shared ledger, as seen by one worker. Open it with `join_workers`.

    Args:
        table: the ledger's jobs.
        requests: builds them.
        seed: of the order of work.
        lease: seconds without a report after which a worker is taken for dead.
    """

    def __init__(self, table: JobTable, requests: RequestBuilder, seed: str, lease: float) -> None:
        self._table = table
        self._requests = requests
        self._seed = seed
        self._lease = lease
        self._only: list[int] | None = None  # places; None for all
        self._workers, self._counted_at = table.count_living(), -math.inf

    def narrow(self, places: Collection[int]) -> None:
        """Give only the jobs at these places from now on."""
        self._only = sorted(places)

    async def take(
        self, limit: int, resting: Cells = NO_CELLS, stopped: Cells = NO_CELLS
    ) -> list[Job] | None:
        """Take the next jobs, with the answers that other workers already have for them."""
        await self._count_workers()
        cells, without = len(self._requests.cells), sorted(resting | stopped)
        if places := await asyncio.to_thread(self._table.take, limit, cells, without, self._only):
            return await self._build_jobs(places)
        await asyncio.to_thread(self._table.reap_expired)
        unfinished = await asyncio.to_thread(
            self._table.count_unfinished_elsewhere, cells, sorted(stopped), self._only
        )
        return None if unfinished else []

    @property
    def worker_count(self) -> int:
        """How many workers take jobs from it, as of a few seconds ago."""
        return max(self._workers, 1)

    async def _count_workers(self) -> None:
        if time.monotonic() - self._counted_at > _COUNT_INTERVAL:
            self._counted_at = time.monotonic()
            self._workers = await asyncio.to_thread(self._table.count_living)

    async def finish(self, jobs: Sequence[Job], outcome: JobOutcome) -> None:
        """Record the outcome of jobs; those that another worker took over are left alone."""
        if jobs:
            places = [job.place for job in jobs]
            await asyncio.to_thread(self._table.finish, places, outcome)

    async def count_failed(self) -> int:
        """Return how many jobs all workers gave up in this execution."""
        return await asyncio.to_thread(self._table.count_failed)

    def as_sole(self) -> LocalJobQueue:
        """Return the queue of a process beside which there are no others."""
        return SoleJobQueue(self._requests, self._seed, self._table, self)

    def bury(self, worker: str) -> None:
        """End a worker that is known to be dead; what it was sending is held."""
        self._table.bury(worker)

    def is_living(self, worker: str) -> bool:
        """Return whether a worker has not ended, and its lease holds."""
        return self._table.is_living(worker)

    def count_answers_since(self, seq: int) -> tuple[int, int]:
        """Return how many answers the ledger has after an entry, and its newest entry."""
        return self._table.count_answers_since(seq)

    def describe_end(self) -> tuple[StopReason, str]:
        """Return that all of the plan is done."""
        return StopReason.COMPLETE, ""

    async def send_heartbeats(self) -> None:
        """Renew this worker's lease and reap expired workers, until cancelled."""
        await asyncio.gather(self._renew_lease(), self._watch_leases())

    async def _renew_lease(self) -> None:
        """Renew this worker's lease periodically, even while the ledger is locked."""
        while True:
            await asyncio.sleep(self._lease / 4)
            await asyncio.to_thread(self._table.renew_lease)
            await self._count_workers()

    async def _watch_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 4)
            await asyncio.to_thread(self._table.reap_expired)

    async def _build_jobs(self, places: list[int]) -> list[Job]:
        subjects = {place: self._requests.request_at(self._seed, place) for place in places}
        ids = [subject.id for subject in subjects.values()]
        had = collect_histories(
            await asyncio.to_thread(self._table.earlier_attempts, ids), self._requests
        )
        return [
            Job(place, subject, had[subject.id].answered, had[subject.id].attempts)
            for place, subject in subjects.items()
        ]


class SoleJobQueue(LocalJobQueue):
    """All jobs of a plan for the one process that may work on a shared ledger while it has batches.

    Args:
        requests: builds the jobs.
        seed: of the order of work.
        earlier: what the jobs have had.
        shared: of which it is, for its lease.
    """

    def __init__(
        self, requests: RequestBuilder, seed: str, earlier: AttemptSource, shared: SharedJobQueue
    ) -> None:
        super().__init__(requests, seed, earlier)
        self._shared = shared

    async def send_heartbeats(self) -> None:
        """Renew this process's lease until cancelled."""
        await self._shared.send_heartbeats()


@contextmanager
def join_workers(
    location: PostgresLocation,
    ledger: Ledger,
    requests: RequestBuilder,
    seed: str,
    lease: float = LEASE_SECONDS,
) -> Iterator[SharedJobQueue]:
    """Work on a shared ledger's plan for the duration of the context.

    Raises:
        LedgerError: the database cannot be reached.
    """
    with open_job_table(location, ledger, lease) as table:
        table.register(requests.subject_count)
        try:
            yield SharedJobQueue(table, requests, seed, lease)
        finally:
            if not ledger.failure:  # others take its jobs once its lease has expired
                table.unregister()


@contextmanager
def open_job_queue(
    location: Location, ledger: Ledger, requests: RequestBuilder, seed: str, lease_seconds: float
) -> Iterator[JobQueue]:
    """Open the queue of a plan's jobs: all of them, or what this process takes of a shared queue.

    Work that a crash left open is recovered first.

    Args:
        location: of the ledger.
        ledger: open for writing.
        requests: builds the jobs.
        seed: of the order of work.
        lease_seconds: seconds without a report, after which others that share the ledger take this
            process for dead.

    Raises:
        LedgerError: the database of a shared ledger cannot be reached.
    """
    if isinstance(location, FileLocation):
        ledger.recover_work()
        with follow_ledger(location) as earlier:
            done = find_done_places(requests, seed, earlier)
            yield LocalJobQueue(requests, seed, earlier, done)
        return
    with join_workers(location, ledger, requests, seed, lease_seconds) as queue:
        if not ledger.worker.startswith(BATCH_MARK):
            yield queue
            return
        ledger.adopt_chunks()
        yield queue.as_sole()
