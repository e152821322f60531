"""The shared job queue: workers that share a plan, a queue and a cap in a PostgreSQL ledger.

A worker takes the first waiting jobs that no other is about to take (`FOR UPDATE SKIP LOCKED`) and
renews its lease. When a lease has expired (after `LEASE_SECONDS`), another worker ends it in one
transaction of the ledger: what it was sending is held, what was allocated to its jobs is free, and
its jobs wait again. A worker that was only slow learns of it before it spends anything more; an
answer that it still receives is stored and settled.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from experiment.prompts import RequestBuilder
from runner.errors import LedgerError
from runner.execution.job_queue import LEASE_SECONDS, Job, JobOutcome
from runner.ledger import Ledger, PostgresLocation
from runner.ledger.postgres import open_connection, to_psycopg_sql

_INSERT_JOBS = (
    "INSERT INTO job SELECT place, 'waiting', NULL FROM generate_series(0, ? - 1) AS place"
)
_RENEW_LEASE = (
    "INSERT INTO worker VALUES (?, now() + ? * interval '1 second', FALSE) "
    "ON CONFLICT (id) DO UPDATE SET until = excluded.until"
)
# The share of its own row makes who takes jobs and who buries them wait for each other.
_TAKE_JOBS = """
WITH living AS (SELECT id FROM worker WHERE id = %(me)s AND NOT ended FOR SHARE)
UPDATE job SET state = 'taken', worker = %(me)s WHERE place IN (
    SELECT place FROM job WHERE state = 'waiting' AND EXISTS (SELECT 1 FROM living)
    ORDER BY place LIMIT %(most)s FOR UPDATE SKIP LOCKED
) RETURNING place
"""
# Rows are locked in the order of their places, by everybody, so that no two wait for each other.
_FINISH_JOBS = """
UPDATE job SET state = %s WHERE place IN (
    SELECT place FROM job WHERE place = ANY(%s) AND worker = %s AND state = 'taken'
    ORDER BY place FOR UPDATE
)
"""
_RETURN_JOBS = """
UPDATE job SET state = 'waiting' WHERE place IN (
    SELECT place FROM job WHERE worker = ? AND state = 'taken' ORDER BY place FOR UPDATE
)
"""
_SELECT_EARLIER_ATTEMPTS = """
SELECT attempt.job, request, number, answer.text
FROM attempt LEFT JOIN answer ON answer.attempt = attempt.id
WHERE attempt.job = ANY(%s) ORDER BY number
"""
_COUNT_TAKEN_BY_OTHERS = "SELECT COUNT(*) FROM job WHERE state = 'taken' AND worker <> %s"
_COUNT_FAILED = "SELECT COUNT(*) FROM job WHERE state = 'failed'"

_QueryValues = Sequence[Any] | Mapping[str, Any]


class SharedJobQueue:
    """The job queue of a shared ledger, as seen by one worker. Open it with `join_workers`.

    Args:
        connection: one of its own, apart from the ledger's.
        ledger: open for writing.
        requests: builds them.
        seed: of the order of work.
        lease: seconds without a report after which a worker is taken for dead.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        ledger: Ledger,
        requests: RequestBuilder,
        seed: str,
        lease: float,
    ) -> None:
        self._db = connection
        self._ledger = ledger
        self._requests = requests
        self._seed = seed
        self._lease = lease

    async def take(self, limit: int) -> list[Job] | None:
        """Take the next jobs, with the answers that other workers already have for them."""
        asked = {"me": self._ledger.worker, "most": limit}
        places = sorted(row[0] for row in await self._fetch_in_thread(_TAKE_JOBS, asked))
        if places:
            return await self._build_jobs(places)
        await asyncio.to_thread(self._reap_expired)
        ((others,),) = await self._fetch_in_thread(_COUNT_TAKEN_BY_OTHERS, (self._ledger.worker,))
        return None if others else []

    async def finish(self, jobs: Sequence[Job], outcome: JobOutcome) -> None:
        """Record the outcome of jobs; those that another worker took over are left alone."""
        if jobs:
            places = [job.place for job in jobs]
            await asyncio.to_thread(
                self._execute_statement, _FINISH_JOBS, (outcome, places, self._ledger.worker)
            )

    async def count_failed(self) -> int:
        """Return how many jobs all workers gave up in this execution."""
        ((jobs,),) = await self._fetch_in_thread(_COUNT_FAILED, ())
        return int(jobs)

    async def send_heartbeats(self) -> None:
        """Renew this worker's lease and reap expired workers, until cancelled."""
        await asyncio.gather(self._renew_lease(), self._watch_leases())

    async def _renew_lease(self) -> None:
        """Renew this worker's lease periodically, even while the ledger is locked."""
        while True:
            await asyncio.sleep(self._lease / 4)
            await asyncio.to_thread(
                self._execute_statement, to_psycopg_sql(_RENEW_LEASE), self._lease_values()
            )

    async def _watch_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 4)
            await asyncio.to_thread(self._reap_expired)

    def register(self, job_count: int) -> None:
        """Register this worker; the first active worker starts a new execution.

        Args:
            job_count: how many the plan has.
        """
        self._reap_expired()
        with self._ledger.transaction() as head:
            execute = self._ledger.store.execute
            alone = not execute("SELECT 1 FROM worker WHERE NOT ended").fetchone()
            execute(_RENEW_LEASE, self._lease_values())
            if not execute("SELECT 1 FROM job LIMIT 1").fetchone():
                execute(_INSERT_JOBS, (job_count,))
            if alone:
                head.stop_reason = ""
                execute("UPDATE job SET state = 'waiting' WHERE state = 'failed'")

    def unregister(self) -> None:
        """Return unfinished jobs to the queue, unless this worker's lease expired."""
        self._end_worker(self._ledger.worker)

    def _reap_expired(self) -> None:
        """End every worker whose lease has expired."""
        dead = "SELECT id FROM worker WHERE NOT ended AND until < now()"
        for (worker,) in self._fetch_rows(dead):
            self._end_worker(worker, only_if_late=True)

    def _end_worker(self, worker: str, *, only_if_late: bool = False) -> None:
        with self._ledger.transaction():
            execute = self._ledger.store.execute
            late = "until < now()" if only_if_late else "TRUE"
            ended = "UPDATE worker SET ended = TRUE WHERE id = ? AND NOT ended AND "
            if execute(f"{ended}{late} RETURNING id", (worker,)).fetchone():
                self._ledger.recover_work(worker)
                execute(_RETURN_JOBS, (worker,))

    async def _build_jobs(self, places: list[int]) -> list[Job]:
        subjects = {place: self._requests.request_at(self._seed, place) for place in places}
        ids = [subject.id for subject in subjects.values()]
        answered: dict[str, dict[str, str]] = defaultdict(dict)
        attempts: dict[str, dict[str, int]] = defaultdict(dict)
        for job, request, number, text in await self._fetch_in_thread(
            _SELECT_EARLIER_ATTEMPTS, (ids,)
        ):
            attempts[job][request] = number
            if text is not None:
                answered[job][request] = text
        return [
            Job(place, subject, answered[subject.id], attempts[subject.id])
            for place, subject in subjects.items()
        ]

    def _lease_values(self) -> tuple[str, float]:
        return self._ledger.worker, self._lease

    async def _fetch_in_thread(self, query: str, values: _QueryValues) -> list[Any]:
        return await asyncio.to_thread(self._fetch_rows, query, values)

    def _fetch_rows(self, query: str, values: _QueryValues = ()) -> list[Any]:
        with _raise_as_ledger_error():
            return self._db.execute(query, values).fetchall()

    def _execute_statement(self, statement: str, values: Sequence[Any]) -> None:
        with _raise_as_ledger_error():
            self._db.execute(statement, values)


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
    with open_connection(location) as connection:
        crew = SharedJobQueue(connection, ledger, requests, seed, lease)
        crew.register(requests.subject_count)
        try:
            yield crew
        finally:
            crew.unregister()


@contextmanager
def _raise_as_ledger_error() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise LedgerError(f"the job queue could not be read or written: {error}") from error
