"""The jobs of a shared ledger and the workers that take them, each with a lease.

A job is waiting, taken, or has the outcome with which its worker finished it. Which request it is
about is not stored: its place in the order of work says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from runner.errors import LedgerBusy
from runner.ledger.ledger import Ledger
from runner.ledger.records import EarlierAttempt
from runner.ledger.schema import EARLIER_ATTEMPT, IS_ANSWER, Database

_INSERT_JOBS = (
    "INSERT INTO job SELECT place, 'waiting', NULL FROM generate_series(0, ? - 1) AS place"
)
_RENEW_LEASE = (
    "INSERT INTO worker VALUES (?, now() + ? * interval '1 second', FALSE) "
    "ON CONFLICT (id) DO UPDATE SET until = excluded.until"
)
# The share of its own row makes a worker that takes jobs and one that ends it wait for each other.
_TAKE_JOBS = """
WITH living AS (SELECT id FROM worker WHERE id = ? AND NOT ended FOR SHARE)
UPDATE job SET state = 'taken', worker = ? WHERE place IN (
    SELECT place FROM job WHERE state = 'waiting' AND EXISTS (SELECT 1 FROM living)
        AND mod(place, ?) <> ALL(?) AND (? OR place = ANY(?))
    ORDER BY place LIMIT ? FOR UPDATE SKIP LOCKED
) RETURNING place
"""
# Rows are locked in the order of their places, by everybody, so that no two wait for each other.
_FINISH_JOBS = """
UPDATE job SET state = ? WHERE place IN (
    SELECT place FROM job WHERE place = ANY(?) AND worker = ? AND state = 'taken'
    ORDER BY place FOR UPDATE
)
"""
_RETURN_JOBS = """
UPDATE job SET state = 'waiting' WHERE place IN (
    SELECT place FROM job WHERE worker = ? AND state = 'taken' ORDER BY place FOR UPDATE
)
"""
_SELECT_TAKEN = "SELECT place FROM job WHERE worker = ? AND state = 'taken'"
_SELECT_EARLIER_ATTEMPTS = f"""
SELECT {EARLIER_ATTEMPT}
FROM attempt LEFT JOIN answer ON answer.attempt = attempt.id AND {IS_ANSWER}
WHERE attempt.job = ANY(?) ORDER BY number, attempt.id
"""  # noqa: S608 - own names
# Also what is waiting: since this worker found none, one that ended may have returned it.
_COUNT_UNFINISHED_ELSEWHERE = """
SELECT COUNT(*) FROM job WHERE ((state = 'taken' AND worker <> ?)
    OR (state = 'waiting' AND EXISTS (SELECT 1 FROM worker WHERE id = ? AND NOT ended)
        AND mod(place, ?) <> ALL(?))) AND (? OR place = ANY(?))
"""
_COUNT_FAILED = "SELECT COUNT(*) FROM job WHERE state = 'failed'"
_COUNT_SETTLED = "SELECT COUNT(*) FILTER (WHERE kind = 'settle'), MAX(seq) FROM entry WHERE seq > ?"
_SELECT_EXPIRED = "SELECT id FROM worker WHERE NOT ended AND until < now()"
_LIVES = "NOT ended AND until > now()"
_IS_LIVING = f"SELECT 1 FROM worker WHERE id = ? AND {_LIVES}"  # noqa: S608 - own
_COUNT_LIVING = f"SELECT COUNT(*) FROM worker WHERE {_LIVES} AND id NOT LIKE ?"  # noqa: S608 - own
_SELECT_WORKERS = f"""
SELECT id, {_LIVES}, ended, until::text, COALESCE(taken, 0), COALESCE(done, 0)
FROM worker LEFT JOIN (
    SELECT worker, COUNT(*) FILTER (WHERE state = 'taken') AS taken,
        COUNT(*) FILTER (WHERE state = 'done') AS done
    FROM job GROUP BY worker
) AS jobs ON jobs.worker = id
WHERE NOT ended OR jobs.worker IS NOT NULL ORDER BY id
"""  # noqa: S608 - own
LEAD_MARK = "lead-"  # with which the name of a process begins that only starts workers
BATCH_MARK = "batches-"  # with which the name of one begins that sends and collects batches

_ALONE = (
    "ledger {place}: batches are sent and collected by one process alone, and {others}; nothing "
    "was sent. Stop {them}, or wait for the end; one that was killed counts as running for up to "
    "{lease:.0f} seconds"
)
EARLIER_PLAN_RUNS = (
    "ledger {place} is in use by processes that run an earlier plan of this study; nothing was "
    "sent. Stop them, or wait until they end; one that was killed counts as running for up to "
    "{lease:.0f} seconds"
)


class JobDatabase(Database, Protocol):
    """A database with the jobs of a shared ledger.

    Attributes:
        restored: how often its connection was lost and restored.
    """

    @property
    def restored(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """A worker of a shared ledger.

    Attributes:
        name: under which it writes.
        is_living: it has not ended, and its lease holds.
        has_ended: it ended, or was ended; what has not, and lives no more, was killed just now.
        until: when its lease expires, or did, as PostgreSQL writes a time.
        taken, done: how many jobs it is at, and has done, of the newest plan's.
    """

    name: str
    is_living: bool
    has_ended: bool
    until: str
    taken: int
    done: int


def read_workers(database: Database) -> list[WorkerRow]:
    """Return the workers that live, or did jobs of the newest plan, without those that lead."""
    rows = database.execute(_SELECT_WORKERS).fetchall()
    return [WorkerRow(*row) for row in rows if not str(row[0]).startswith(LEAD_MARK)]


class JobTable:
    """The jobs of a shared ledger, as seen by one worker. Open it with `open_job_table`.

    It may be used by several threads.

    Args:
        database: a connection of its own, apart from the ledger's, so that leases are renewed and
            jobs taken while the ledger is locked.
        ledger: open for writing.
        lease: seconds without a report after which a worker is taken for dead.

    Each method raises LedgerError where the database cannot be read or written.
    """

    def __init__(self, database: JobDatabase, ledger: Ledger, lease: float) -> None:
        self._database = database
        self._ledger = ledger
        self._lease = lease
        self._restored = 0
        self._taken: set[int] = set()  # by this worker, and not finished

    def take(
        self, limit: int, cells: int, without: Sequence[int], only: Sequence[int] | None = None
    ) -> list[int]:
        """Take the first waiting jobs, and return their places in order.

        Args:
            limit: of their number.
            cells: how many the plan has; a place belongs to the cell that its remainder numbers.
            without: the cells whose jobs are left waiting.
            only: the places that may be taken; None for all.
        """
        worker = self._ledger.worker
        values = (worker, worker, cells, list(without), only is None, list(only or ()), limit)
        rows = self._database.execute(_TAKE_JOBS, values).fetchall()
        if self._database.restored != self._restored:  # what was taken may not have been told
            self._restored = self._database.restored
            rows = self._database.execute(_SELECT_TAKEN, (worker,)).fetchall()
        taken = {int(place) for (place,) in rows} - self._taken
        self._taken |= taken
        return sorted(taken)

    def finish(self, places: Sequence[int], state: str) -> None:
        """Record the outcome of jobs; those that another worker took over are left alone."""
        self._taken.difference_update(places)
        self._database.execute(_FINISH_JOBS, (state, list(places), self._ledger.worker))

    def count_unfinished_elsewhere(
        self, cells: int, without: Sequence[int], only: Sequence[int] | None = None
    ) -> int:
        """Return how many jobs other workers are at, or wait for this one if its lease holds.

        Args:
            cells: how many the plan has.
            without: the cells of which what waits does not count.
            only: the places that count; None for all.
        """
        me = self._ledger.worker
        values = (me, me, cells, list(without), only is None, list(only or ()))
        ((count,),) = self._database.execute(_COUNT_UNFINISHED_ELSEWHERE, values)
        return int(count)

    def count_failed(self) -> int:
        """Return how many jobs all workers gave up in this execution."""
        ((count,),) = self._database.execute(_COUNT_FAILED)
        return int(count)

    def count_answers_since(self, seq: int) -> tuple[int, int]:
        """Return how many answers were settled after an entry, and the newest entry's number."""
        ((count, newest),) = self._database.execute(_COUNT_SETTLED, (seq,))
        return int(count), max(seq, int(newest or 0))

    def earlier_attempts(self, jobs: Sequence[str]) -> list[EarlierAttempt]:
        """Return all attempts at the requests of some jobs, those of a request in their order."""
        rows = self._database.execute(_SELECT_EARLIER_ATTEMPTS, (list(jobs),)).fetchall()
        return [EarlierAttempt.from_row(row) for row in rows]

    def register(self, job_count: int) -> None:
        """Register this worker; the first active worker starts a new execution.

        Args:
            job_count: how many the plan has.

        Raises:
            LedgerBusy: one of the others sends and collects batches, or this one does and there
                are others, or batches are away that this one does not collect.
        """
        self.reap_expired()
        with self._ledger.transaction() as head:
            self._ledger.refuse_newer_work()
            execute = self._ledger.store.execute
            self._refuse_company()
            alone = not execute("SELECT 1 FROM worker WHERE NOT ended").fetchone()
            execute(_RENEW_LEASE, (self._ledger.worker, self._lease))
            if not execute("SELECT 1 FROM job LIMIT 1").fetchone():
                execute(_INSERT_JOBS, (job_count,))
            if alone:
                head.stop_reason = ""
                execute("UPDATE job SET state = 'waiting' WHERE state = 'failed'")

    def _refuse_company(self) -> None:
        """Refuse to work beside what sends and collects batches, or to do that beside others."""
        ledger, query = self._ledger, "SELECT id FROM worker WHERE NOT ended AND id <> ?"
        others = [str(name) for (name,) in ledger.store.execute(query, (ledger.worker,)).fetchall()]
        said = {"place": ledger.witness.place, "lease": self._lease}
        if any(each.startswith(BATCH_MARK) for each in others):
            one = "one does so now"
            raise LedgerBusy(_ALONE.format(others=one, them="it", **said))
        if ledger.worker.startswith(BATCH_MARK):
            if others:
                many = "others work on this plan now"
                raise LedgerBusy(_ALONE.format(others=many, them="them", **said))
        elif ledger.open_chunks():
            raise LedgerBusy(
                f"ledger {ledger.witness.place}: batches are away; nothing was sent. Collect them "
                "first, with one process:  afcost run PLAN"
            )

    def reopen_jobs(self, job_count: int) -> None:
        """Make all jobs again, for other work; in the transaction that records it.

        Args:
            job_count: how many the plan has.

        Raises:
            LedgerBusy: other processes work on those that there are.
        """
        self.reap_expired()
        with self._ledger.transaction():
            execute, place = self._ledger.store.execute, self._ledger.witness.place
            if execute("SELECT 1 FROM worker WHERE NOT ended").fetchone():
                raise LedgerBusy(EARLIER_PLAN_RUNS.format(place=place, lease=self._lease))
            execute("DELETE FROM job")
            execute(_INSERT_JOBS, (job_count,))

    def bury(self, worker: str) -> None:
        """End a worker that is known to be dead, before its lease expires.

        What it was sending is held, its allocation is free, and its jobs wait again. One that was
        only taken for dead spends nothing more; an answer that it still receives is settled.
        """
        self._end_worker(worker)

    def is_living(self, worker: str) -> bool:
        """Return whether a worker has not ended, and its lease holds."""
        return self._database.execute(_IS_LIVING, (worker,)).fetchone() is not None

    def count_living(self) -> int:
        """Return how many workers have a lease that holds; what only starts workers is none."""
        ((count,),) = self._database.execute(_COUNT_LIVING, (f"{LEAD_MARK}%",))
        return int(count)

    def unregister(self) -> None:
        """Return unfinished jobs to the queue, unless this worker's lease expired."""
        self._end_worker(self._ledger.worker)

    def renew_lease(self) -> None:
        """Renew this worker's lease, even while the ledger is locked."""
        self._database.execute(_RENEW_LEASE, (self._ledger.worker, self._lease))

    def reap_expired(self) -> None:
        """End every worker whose lease has expired."""
        for (worker,) in self._database.execute(_SELECT_EXPIRED).fetchall():
            self._end_worker(worker, only_if_late=True)

    def _end_worker(self, worker: str, *, only_if_late: bool = False) -> None:
        with self._ledger.transaction():
            execute = self._ledger.store.execute
            late = "until < now()" if only_if_late else "TRUE"
            ended = "UPDATE worker SET ended = TRUE WHERE id = ? AND NOT ended AND "
            if execute(f"{ended}{late} RETURNING id", (worker,)).fetchone():
                self._ledger.recover_work(worker)
                execute(_RETURN_JOBS, (worker,))
