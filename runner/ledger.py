"""The ledger: append-only, and the only thing that says whether money may be spent.

Every entry moves an amount between four accounts, so a balance is a sum and nothing is edited:

    aside      promised to a job that was admitted, for its answer and its judges; nothing is sent
    reserved   the most that an attempt can cost; it is being sent, or was
    settled    billed, as the provider's usage says
    held       sent, and nobody knows whether it was billed: counted as if it was

`aside + reserved + settled + held <= cap` is checked before each entry that adds to the sum, in
one process: a ledger file has one writer, held by a lock of the operating system. Entries are
chained (`runner.chain`) and durable before the call returns, except those that only promise money
or take a promise back: they are written with the next one, because a crash takes all promises back.
An answer is stored in the transaction that settles it. Held money stays held until somebody says
what it came to (`resolve`).
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from pricing.money import Money
from runner.approval import Approval
from runner.attempt import Attempt, Balance, StoredAnswer
from runner.chain import link, tip
from runner.errors import LedgerBusy, LedgerError
from runner.store import ACCOUNTS, asides, cap, connect, sums

_MOST = 2**62  # of pico-dollars, so that no sum leaves SQLite's 64 bits
_INSERT = "INSERT INTO entry VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


class Ledger:
    """A plan's ledger, open for writing. Make one with `open_ledger`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._cap = cap(connection)
        self._sums = sums(connection)
        self._aside: dict[str, int] = defaultdict(int, asides(connection))
        self._moves: list[tuple[str, dict[str, int]]] = []
        self._unwritten: list[tuple[object, ...]] = []
        self._tip = self._written = tip(connection)  # digests: of the newest entry, if it lasts

    @property
    def balance(self) -> Balance:
        """The balance now."""
        return Balance(Money(self._cap), **{name: Money(p) for name, p in self._sums.items()})

    def approve(self, approval: Approval) -> None:
        """Record an approval, once; the newest one's cap is the one that counts.

        Raises:
            LedgerError: the cap is more than a ledger can count (about 9.2 million dollars).
        """
        if approval.cap.pico > _MOST:
            raise LedgerError(f"a cap of {approval.cap} is more than a ledger can count")
        until = approval.until and approval.until.isoformat()
        at = approval.at.astimezone(UTC).isoformat()
        row = (at, approval.plan, approval.cap.pico, approval.by, until)
        with self._transaction():
            new = self._db.execute("INSERT OR IGNORE INTO approval VALUES (?, ?, ?, ?, ?)", row)
            if new.rowcount:
                self._enter("approve", "", None, {}, note=at, stored=row)
        self._cap = cap(self._db)

    def set_aside_for(self, job: str) -> Money:
        """Give what is set aside for a job."""
        return Money(self._aside[job])

    def set_aside(self, job: str, amount: Money) -> bool:
        """Promise money to a job; False, and nothing changes, where the cap does not allow it."""
        if amount > self.balance.free:
            return False
        self._promise("aside", job, amount.pico)
        return True

    def reserve(self, attempt: Attempt, amount: Money) -> None:
        """Move money from what is set aside for the job to an attempt that is about to be sent.

        Raises:
            LedgerError: less than the amount is set aside.
        """
        if amount.pico > self._aside[attempt.job]:
            raise LedgerError(
                f"attempt {attempt.id} needs {amount.exact()} USD, but only "
                f"{Money(self._aside[attempt.job]).exact()} is set aside for its job"
            )
        with self._transaction():
            columns = asdict(attempt)
            names, marks = ", ".join(columns), ", ".join("?" * len(columns))
            row = (attempt.id, *columns.values())
            self._db.execute(
                f"INSERT INTO attempt (id, {names}) VALUES (?, {marks})",  # noqa: S608 - own names
                row,
            )
            moved = {"aside": -amount.pico, "reserved": amount.pico}
            self._enter("reserve", attempt.job, attempt.id, moved, stored=row)

    def settle(self, attempt: Attempt, billed: Money, answer: StoredAnswer, note: str = "") -> None:
        """Book what an attempt cost, and store its answer, in one transaction."""
        with self._transaction():
            marks = ", ".join("?" * (1 + len(StoredAnswer.__slots__)))
            row = (attempt.id, *asdict(answer).values())
            self._db.execute(f"INSERT INTO answer VALUES ({marks})", row)  # noqa: S608 - marks
            reserved = self._open(attempt.id)
            moved = {"reserved": -reserved, "settled": billed.pico}
            self._enter("settle", attempt.job, attempt.id, moved, note=note, stored=row)

    def release(self, attempt: Attempt, note: str) -> None:
        """Give an attempt's money back to its job: the provider did not bill it."""
        with self._transaction():
            reserved = self._open(attempt.id)
            moved = {"reserved": -reserved, "aside": reserved}
            self._enter("release", attempt.job, attempt.id, moved, note=note)

    def hold(self, attempt: Attempt, note: str) -> None:
        """Keep an attempt's whole amount: it was sent, and nobody knows whether it was billed."""
        with self._transaction():
            reserved = self._open(attempt.id)
            moved = {"reserved": -reserved, "held": reserved}
            self._enter("hold", attempt.job, attempt.id, moved, note=note)

    def resolve(self, attempt: str, billed: Money, reason: str) -> None:
        """Say what a held attempt turned out to cost; what it did not cost is free again.

        Raises:
            LedgerError: nothing is held for it.
        """
        query = "SELECT kind, job, held FROM entry WHERE attempt = ? ORDER BY seq DESC LIMIT 1"
        row = self._db.execute(query, (attempt,)).fetchone()
        if row is None or row[0] != "hold":
            raise LedgerError(f"attempt {attempt}: nothing is held for it")
        with self._transaction():
            moved = {"held": -int(row[2]), "settled": billed.pico}
            self._enter("resolve", row[1], attempt, moved, note=reason)

    def holds(self) -> dict[str, tuple[str, Money]]:
        """Give every attempt that is held -> its model's written name, and how much is held."""
        query = (
            "SELECT attempt.id, attempt.model, held FROM entry "
            "JOIN attempt ON attempt.id = entry.attempt WHERE kind = 'hold' AND attempt.id NOT IN "
            "(SELECT attempt FROM entry WHERE kind = 'resolve') ORDER BY seq"
        )
        return {name: (model, Money(held)) for name, model, held in self._db.execute(query)}

    def free(self, job: str) -> None:
        """Take back what is still set aside for a job."""
        if self._aside[job]:
            self._promise("free", job, -self._aside[job])
        self._aside.pop(job, None)

    def note_end(self, end: str) -> None:
        """Note how an execution ended; no money moves."""
        with self._transaction():
            self._enter("end", "", None, {}, note=end)

    def answered(self) -> dict[str, str]:
        """Give every answered request's id -> the text of its answer."""
        query = "SELECT request, text FROM answer JOIN attempt ON attempt.id = answer.attempt"
        return dict(self._db.execute(query).fetchall())

    def attempts(self) -> dict[str, int]:
        """Give every request's id -> the number of its last attempt."""
        query = "SELECT request, MAX(number) FROM attempt GROUP BY request"
        return dict(self._db.execute(query).fetchall())

    def excess(self) -> dict[str, int]:
        """Give every model -> by how many tokens its billed prompts exceeded our bound, at most."""
        query = (
            "SELECT attempt.model, MAX(0, MAX(input + cache_read + cache_write - bound)) "
            "FROM answer JOIN attempt ON attempt.id = answer.attempt GROUP BY attempt.model"
        )
        return dict(self._db.execute(query).fetchall())

    def recover(self) -> int:
        """After a crash: what was being sent is held, what was only promised is free again.

        Returns:
            how many attempts are held from now on.
        """
        query = (
            "SELECT attempt, job, reserved FROM entry WHERE kind = 'reserve' AND attempt NOT IN "
            "(SELECT attempt FROM entry WHERE kind IN ('settle', 'release', 'hold'))"
        )
        lost = self._db.execute(query).fetchall()
        note = "the process ended before the answer was stored"
        with self._transaction():
            for attempt, job, amount in lost:
                self._enter("hold", job, attempt, {"reserved": -amount, "held": amount}, note=note)
        for job in list(self._aside):
            self.free(job)
        return len(lost)

    def _open(self, attempt: str) -> int:
        """Give the amount that is reserved for an attempt that is open."""
        query = "SELECT kind, reserved FROM entry WHERE attempt = ? ORDER BY seq DESC LIMIT 1"
        row = self._db.execute(query, (attempt,)).fetchone()
        if row is None or row[0] != "reserve":
            raise LedgerError(f"attempt {attempt} is not open: its last entry is {row and row[0]}")
        return int(row[1])

    def _promise(self, kind: str, job: str, pico: int) -> None:
        """Change what is set aside now, and write it with the next transaction."""
        self._unwritten.append(_row(kind, job, None, "", {"aside": pico}))
        self._move(job, {"aside": pico})

    def _enter(  # noqa: PLR0913 - what an entry is made of
        self,
        kind: str,
        job: str,
        attempt: str | None,
        moved: dict[str, int],
        *,
        note: str = "",
        stored: tuple[object, ...] = (),
    ) -> None:
        """Write an entry; `moved` says by how much each account changes."""
        self._insert(_row(kind, job, attempt, note, moved), stored)
        self._moves.append((job, moved))

    def _insert(self, row: tuple[object, ...], stored: tuple[object, ...] = ()) -> None:
        self._tip = link(self._tip, row, stored)
        self._db.execute(_INSERT, (*row, self._tip))

    def _move(self, job: str, moved: dict[str, int]) -> None:
        self._aside[job] += moved.get("aside", 0)
        for account, change in moved.items():
            self._sums[account] += change

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Write entries; balances in memory follow only once the transaction is durable."""
        self._moves, self._tip = [], self._written
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for row in self._unwritten:
                self._insert(row)
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            _rollback(self._db)
            raise LedgerError(f"the ledger could not be written: {error}") from error
        except BaseException:
            _rollback(self._db)
            raise
        self._unwritten.clear()
        self._written = self._tip
        for job, moved in self._moves:
            self._move(job, moved)


@contextmanager
def open_ledger(path: Path) -> Iterator[Ledger]:
    """Open a ledger for writing, making it where there is none.

    Raises:
        LedgerBusy: another process has it open.
        LedgerError: it cannot be read or written, or is damaged.
    """
    lock = FileLock(path.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LedgerBusy(
            f"ledger {path}: another process is running this plan; wait for it, or watch it:  "
            f"afcost status {path.parent}"
        ) from None
    except OSError as error:
        raise LedgerError(f"ledger {path}: cannot be locked: {error.strerror}") from error
    try:
        connection = connect(path)
        try:
            yield Ledger(connection)
        finally:
            connection.close()
    finally:
        lock.release()


def _row(
    kind: str, job: str, attempt: str | None, note: str, moved: dict[str, int]
) -> tuple[object, ...]:
    changes = (moved.get(account, 0) for account in ACCOUNTS)
    return (datetime.now(UTC).isoformat(), kind, job, attempt, *changes, note)


def _rollback(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
