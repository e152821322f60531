"""The shared job queue: workers that share a plan, a queue and a cap in a PostgreSQL ledger.

A worker takes the first waiting jobs that no other is about to take, and renews its lease. When a
lease has expired (after `LEASE_SECONDS`), another worker ends it in one transaction of the ledger:
what it was sending is held, what was allocated to its jobs is free, and its jobs wait again. A
worker that was only slow learns of it before it spends anything more; an answer that it still
receives is stored and settled.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from experiment.prompts import RequestBuilder
from experiment.scoring import Completion
from runner.execution.earlier_verdicts import rename_verdicts
from runner.execution.job_queue import LEASE_SECONDS, Job, JobOutcome
from runner.ledger import JobTable, Ledger, PostgresLocation, open_job_table


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

    async def take(self, limit: int) -> list[Job] | None:
        """Take the next jobs, with the answers that other workers already have for them."""
        if places := await asyncio.to_thread(self._table.take, limit):
            return await self._build_jobs(places)
        await asyncio.to_thread(self._table.reap_expired)
        unfinished = await asyncio.to_thread(self._table.count_unfinished_elsewhere)
        return None if unfinished else []

    async def finish(self, jobs: Sequence[Job], outcome: JobOutcome) -> None:
        """Record the outcome of jobs; those that another worker took over are left alone."""
        if jobs:
            places = [job.place for job in jobs]
            await asyncio.to_thread(self._table.finish, places, outcome)

    async def count_failed(self) -> int:
        """Return how many jobs all workers gave up in this execution."""
        return await asyncio.to_thread(self._table.count_failed)

    async def send_heartbeats(self) -> None:
        """Renew this worker's lease and reap expired workers, until cancelled."""
        await asyncio.gather(self._renew_lease(), self._watch_leases())

    async def _renew_lease(self) -> None:
        """Renew this worker's lease periodically, even while the ledger is locked."""
        while True:
            await asyncio.sleep(self._lease / 4)
            await asyncio.to_thread(self._table.renew_lease)

    async def _watch_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 4)
            await asyncio.to_thread(self._table.reap_expired)

    async def _build_jobs(self, places: list[int]) -> list[Job]:
        subjects = {place: self._requests.request_at(self._seed, place) for place in places}
        answered: dict[str, dict[str, Completion]] = defaultdict(dict)
        attempts: dict[str, dict[str, int]] = defaultdict(dict)
        ids = [subject.id for subject in subjects.values()]
        found = await asyncio.to_thread(self._table.earlier_attempts, ids)
        for earlier in found:
            attempts[earlier.job][earlier.request] = earlier.number
            if earlier.completion is not None:
                answered[earlier.job][earlier.request] = earlier.completion
        for request, earlier in rename_verdicts(self._requests, found):
            if earlier.completion is not None:
                answered[earlier.job].setdefault(request, earlier.completion)
        return [
            Job(place, subject, answered[subject.id], attempts[subject.id])
            for place, subject in subjects.items()
        ]


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
