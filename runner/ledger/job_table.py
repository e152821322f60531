"""The jobs of a shared ledger and the workers that take them, each with a lease.

A job is waiting, taken, or has the outcome with which its worker finished it. Which request it is
about is not stored: its place in the order of work says so.
"""

from __future__ import annotations

from collections.abc import Sequence
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
_SELECT_EXPIRED = "SELECT id FROM worker WHERE NOT ended AND until < now()"

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

    def count_workers(self) -> int:
        """Return how many workers there are, with this one, as far as is known."""
        ((count,),) = self._database.execute("SELECT COUNT(*) FROM worker WHERE NOT ended")
        return max(int(count), 1)

    def earlier_attempts(self, jobs: Sequence[str]) -> list[EarlierAttempt]:
        """Return all attempts at the requests of some jobs, those of a request in their order."""
        rows = self._database.execute(_SELECT_EARLIER_ATTEMPTS, (list(jobs),)).fetchall()
        return [EarlierAttempt.from_row(row) for row in rows]

    def register(self, job_count: int) -> None:
        """Register this worker; the first active worker starts a new execution.

        Args:
            job_count: how many the plan has.
        """
        self.reap_expired()
        with self._ledger.transaction() as head:
            self._ledger.refuse_newer_work()
            execute = self._ledger.store.execute
            alone = not execute("SELECT 1 FROM worker WHERE NOT ended").fetchone()
            execute(_RENEW_LEASE, (self._ledger.worker, self._lease))
            if not execute("SELECT 1 FROM job LIMIT 1").fetchone():
                execute(_INSERT_JOBS, (job_count,))
            if alone:
                head.stop_reason = ""
                execute("UPDATE job SET state = 'waiting' WHERE state = 'failed'")

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
