"""The crew: workers that share one plan, one queue of work and one cap, in a PostgreSQL ledger.

A worker takes the first waiting jobs that no other is about to take (`FOR UPDATE SKIP LOCKED`),
and reports that it lives. One that has not for `LEASE` seconds is taken for dead by another: what
it was sending is held, what was promised to its jobs is free, and its jobs wait again. That is one
transaction of the ledger, so a worker that was only slow learns of it before it spends anything
more; an answer that it still receives is stored and settled.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from experiment.prompts.request_builder import Requests
from runner.errors import LedgerError
from runner.execution.job_queue import LEASE, Fate, Job
from runner.ledger.ledger import Ledger
from runner.ledger.location import PostgresLocation
from runner.ledger.postgres import connected, marked

_FILL = "INSERT INTO job SELECT place, 'waiting', NULL FROM generate_series(0, ? - 1) AS place"
_REPORT = (
    "INSERT INTO worker VALUES (?, now() + ? * interval '1 second', FALSE) "
    "ON CONFLICT (id) DO UPDATE SET until = excluded.until"
)
# The share of its own row makes who takes jobs and who buries them wait for each other.
_TAKE = """
WITH living AS (SELECT id FROM worker WHERE id = %(me)s AND NOT ended FOR SHARE)
UPDATE job SET state = 'taken', worker = %(me)s WHERE place IN (
    SELECT place FROM job WHERE state = 'waiting' AND EXISTS (SELECT 1 FROM living)
    ORDER BY place LIMIT %(most)s FOR UPDATE SKIP LOCKED
) RETURNING place
"""
# Rows are locked in the order of their places, by everybody, so that no two wait for each other.
_PUT = """
UPDATE job SET state = %s WHERE place IN (
    SELECT place FROM job WHERE place = ANY(%s) AND worker = %s AND state = 'taken'
    ORDER BY place FOR UPDATE
)
"""
_GIVE_BACK = """
UPDATE job SET state = 'waiting' WHERE place IN (
    SELECT place FROM job WHERE worker = ? AND state = 'taken' ORDER BY place FOR UPDATE
)
"""
_KNOWN = """
SELECT attempt.job, request, number, answer.text
FROM attempt LEFT JOIN answer ON answer.attempt = attempt.id
WHERE attempt.job = ANY(%s) ORDER BY number
"""
_OTHERS = "SELECT COUNT(*) FROM job WHERE state = 'taken' AND worker <> %s"
_FAILED = "SELECT COUNT(*) FROM job WHERE state = 'failed'"

_Values = Sequence[Any] | Mapping[str, Any]


class Crew:
    """This process's place among the workers of a shared ledger, and a `Queue`. See `joined`.

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
        requests: Requests,
        seed: str,
        lease: float,
    ) -> None:
        self._db = connection
        self._ledger = ledger
        self._requests = requests
        self._seed = seed
        self._lease = lease

    async def take(self, most: int) -> list[Job] | None:
        """Take the next jobs, with what others were answered of them."""
        asked = {"me": self._ledger.worker, "most": most}
        places = sorted(row[0] for row in await self._ask(_TAKE, asked))
        if places:
            return await self._jobs(places)
        await asyncio.to_thread(self._bury)
        ((others,),) = await self._ask(_OTHERS, (self._ledger.worker,))
        return None if others else []

    async def put(self, jobs: Sequence[Job], fate: Fate) -> None:
        """Say what became of jobs; those that were given to another are left to it."""
        if jobs:
            places = [job.place for job in jobs]
            await asyncio.to_thread(self._write, _PUT, (fate, places, self._ledger.worker))

    async def failed(self) -> int:
        """Say how many jobs any worker gave up in this execution."""
        ((jobs,),) = await self._ask(_FAILED, ())
        return int(jobs)

    async def report(self) -> None:
        """Say that this worker lives, and bury those that do not, until cancelled."""
        await asyncio.gather(self._live(), self._watch())

    async def _live(self) -> None:
        """Report, also while somebody keeps the ledger locked."""
        while True:
            await asyncio.sleep(self._lease / 4)
            await asyncio.to_thread(self._write, marked(_REPORT), self._myself())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 4)
            await asyncio.to_thread(self._bury)

    def join(self, jobs: int) -> None:
        """Begin to work; whoever comes when no other is at work begins a new execution.

        Args:
            jobs: how many the plan has.
        """
        self._bury()
        with self._ledger.together() as head:
            execute = self._ledger.store.execute
            alone = not execute("SELECT 1 FROM worker WHERE NOT ended").fetchone()
            execute(_REPORT, self._myself())
            if not execute("SELECT 1 FROM job LIMIT 1").fetchone():
                execute(_FILL, (jobs,))
            if alone:
                head.halt = ""
                execute("UPDATE job SET state = 'waiting' WHERE state = 'failed'")

    def leave(self) -> None:
        """Give back what is left; another has done so where this worker was taken for dead."""
        self._end(self._ledger.worker)

    def _bury(self) -> None:
        """End every worker that has not reported for too long."""
        dead = "SELECT id FROM worker WHERE NOT ended AND until < now()"
        for (worker,) in self._read(dead):
            self._end(worker, only_if_late=True)

    def _end(self, worker: str, *, only_if_late: bool = False) -> None:
        with self._ledger.together():
            execute = self._ledger.store.execute
            late = "until < now()" if only_if_late else "TRUE"
            ended = "UPDATE worker SET ended = TRUE WHERE id = ? AND NOT ended AND "
            if execute(f"{ended}{late} RETURNING id", (worker,)).fetchone():
                self._ledger.recover(worker)
                execute(_GIVE_BACK, (worker,))

    async def _jobs(self, places: list[int]) -> list[Job]:
        subjects = {place: self._requests.at(self._seed, place) for place in places}
        ids = [subject.id for subject in subjects.values()]
        answered: dict[str, dict[str, str]] = defaultdict(dict)
        attempts: dict[str, dict[str, int]] = defaultdict(dict)
        for job, request, number, text in await self._ask(_KNOWN, (ids,)):
            attempts[job][request] = number
            if text is not None:
                answered[job][request] = text
        return [
            Job(place, subject, answered[subject.id], attempts[subject.id])
            for place, subject in subjects.items()
        ]

    def _myself(self) -> tuple[str, float]:
        return self._ledger.worker, self._lease

    async def _ask(self, query: str, values: _Values) -> list[Any]:
        return await asyncio.to_thread(self._read, query, values)

    def _read(self, query: str, values: _Values = ()) -> list[Any]:
        with _told():
            return self._db.execute(query, values).fetchall()

    def _write(self, statement: str, values: Sequence[Any]) -> None:
        with _told():
            self._db.execute(statement, values)


@contextmanager
def joined(
    location: PostgresLocation, ledger: Ledger, requests: Requests, seed: str, lease: float = LEASE
) -> Iterator[Crew]:
    """Work on a shared ledger's plan for as long as the context lasts.

    Raises:
        LedgerError: the database cannot be reached.
    """
    with connected(location) as connection:
        crew = Crew(connection, ledger, requests, seed, lease)
        crew.join(requests.subjects_in_all)
        try:
            yield crew
        finally:
            crew.leave()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise LedgerError(f"the job queue could not be read or written: {error}") from error
