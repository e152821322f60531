"""The ledger: append-only, and the only thing that says whether money may be spent.

Every entry moves an amount between four accounts, so a balance is a sum and nothing is edited:

    aside      promised to a job that was admitted, for its answer and its judges; nothing is sent
    reserved   the most that an attempt can cost; it is being sent, or was
    settled    billed, as the provider's usage says
    held       sent, and nobody knows whether it was billed: counted as if it was

`aside + reserved + settled + held <= cap` is checked before each entry that adds to the sum, in
one process: a ledger file has one writer, held by a lock of the operating system. Entries are
durable before the call returns, except those that only promise money or take a promise back: they
are written with the next one, because a crash takes all promises back. An answer is stored in the
transaction that settles it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pricing.money import Money
from runner.approval import Approval
from runner.errors import LedgerBusy, LedgerError

_SCHEMA = """
CREATE TABLE approval (at TEXT PRIMARY KEY, plan TEXT, cap INTEGER, by TEXT, until TEXT);
CREATE TABLE attempt (
    id TEXT PRIMARY KEY, job TEXT, request TEXT, number INTEGER, stage TEXT, model TEXT,
    condition TEXT, query INTEGER, sample INTEGER, vote INTEGER, counted INTEGER, bound INTEGER,
    exactness TEXT
);
CREATE TABLE answer (
    attempt TEXT PRIMARY KEY REFERENCES attempt (id),
    prefill TEXT, text TEXT, reasoning TEXT, finish TEXT,
    input INTEGER, cache_read INTEGER, cache_write INTEGER, output INTEGER, hidden INTEGER,
    stated_cost INTEGER, model TEXT, provider_id TEXT, usage TEXT
);
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY, at TEXT, kind TEXT, job TEXT, attempt TEXT,
    aside INTEGER, reserved INTEGER, settled INTEGER, held INTEGER, note TEXT
);
CREATE INDEX entry_attempt ON entry (attempt);
CREATE TRIGGER entry_stays BEFORE UPDATE ON entry
    BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entry_remains BEFORE DELETE ON entry
    BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
"""
_VERSION = 1
_ACCOUNTS = ("aside", "reserved", "settled", "held")
_INSERT = "INSERT INTO entry VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sending of one request.

    Attributes:
        job: id of the subject request that it belongs to.
        request: id of what is sent.
        number: from 1; each sending of a request is an attempt with a reservation of its own.
        stage, model, condition, query, sample, vote: as in the request.
        counted, bound: prompt tokens as counted here, and as reserved for.
        exactness: of `counted`.
    """

    job: str
    request: str
    number: int
    stage: str
    model: str
    condition: str
    query: int
    sample: int
    vote: int
    counted: int
    bound: int
    exactness: str

    @property
    def id(self) -> str:
        """The request's id with the attempt's number."""
        return f"{self.request}.{self.number}"


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What came back: `text` goes on from `prefill`, `hidden` tokens are part of `output`."""

    prefill: str
    text: str
    reasoning: str
    finish: str
    input: int
    cache_read: int
    cache_write: int
    output: int
    hidden: int
    stated_cost: int | None
    model: str
    provider_id: str
    usage: str


@dataclass(frozen=True, slots=True)
class Balance:
    """What a ledger's money is doing; all four accounts count against the cap."""

    cap: Money
    settled: Money
    held: Money
    reserved: Money
    aside: Money

    @property
    def free(self) -> Money:
        """What may still be promised."""
        return self.cap - self.settled - self.held - self.reserved - self.aside


class Ledger:
    """A plan's ledger, open for writing. Make one with `open_ledger`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._cap = _cap(connection)
        self._sums = _sums(connection)
        self._aside: dict[str, int] = defaultdict(int, _asides(connection))
        self._moves: list[tuple[str, dict[str, int]]] = []
        self._unwritten: list[tuple[object, ...]] = []

    @property
    def balance(self) -> Balance:
        """The balance now."""
        return Balance(Money(self._cap), **{name: Money(p) for name, p in self._sums.items()})

    def approve(self, approval: Approval) -> None:
        """Record an approval, once; the newest one's cap is the one that counts."""
        until = approval.until and approval.until.isoformat()
        with self._transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO approval VALUES (?, ?, ?, ?, ?)",
                (approval.at.isoformat(), approval.plan, approval.cap.pico, approval.by, until),
            )
        self._cap = _cap(self._db)

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
            self._db.execute(
                f"INSERT INTO attempt (id, {names}) VALUES (?, {marks})",  # noqa: S608 - own names
                (attempt.id, *columns.values()),
            )
            self._enter(
                "reserve", attempt.job, attempt.id, aside=-amount.pico, reserved=amount.pico
            )

    def settle(self, attempt: Attempt, billed: Money, answer: StoredAnswer, note: str = "") -> None:
        """Book what an attempt cost, and store its answer, in one transaction."""
        with self._transaction():
            marks = ", ".join("?" * (1 + len(StoredAnswer.__slots__)))
            self._db.execute(
                f"INSERT INTO answer VALUES ({marks})",  # noqa: S608 - question marks
                (attempt.id, *asdict(answer).values()),
            )
            reserved = self._open(attempt.id)
            moved = {"reserved": -reserved, "settled": billed.pico}
            self._enter("settle", attempt.job, attempt.id, note=note, **moved)

    def release(self, attempt: Attempt, note: str) -> None:
        """Give an attempt's money back to its job: the provider did not bill it."""
        with self._transaction():
            reserved = self._open(attempt.id)
            moved = {"reserved": -reserved, "aside": reserved}
            self._enter("release", attempt.job, attempt.id, note=note, **moved)

    def hold(self, attempt: Attempt, note: str) -> None:
        """Keep an attempt's whole amount: it was sent, and nobody knows whether it was billed."""
        with self._transaction():
            reserved = self._open(attempt.id)
            moved = {"reserved": -reserved, "held": reserved}
            self._enter("hold", attempt.job, attempt.id, note=note, **moved)

    def free(self, job: str) -> None:
        """Take back what is still set aside for a job."""
        if self._aside[job]:
            self._promise("free", job, -self._aside[job])
        self._aside.pop(job, None)

    def note_end(self, end: str) -> None:
        """Note how an execution ended; no money moves."""
        with self._transaction():
            self._enter("end", "", None, note=end)

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
                self._enter("hold", job, attempt, reserved=-amount, held=amount, note=note)
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

    def _enter(
        self, kind: str, job: str, attempt: str | None, *, note: str = "", **moved: int
    ) -> None:
        """Write an entry; `moved` says by how much each account changes."""
        self._db.execute(_INSERT, _row(kind, job, attempt, note, moved))
        self._moves.append((job, moved))

    def _move(self, job: str, moved: dict[str, int]) -> None:
        self._aside[job] += moved.get("aside", 0)
        for account, change in moved.items():
            self._sums[account] += change

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Write entries; balances in memory follow only once the transaction is durable."""
        self._moves = []
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany(_INSERT, self._unwritten)
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            _rollback(self._db)
            raise LedgerError(f"the ledger could not be written: {error}") from error
        except BaseException:
            _rollback(self._db)
            raise
        self._unwritten.clear()
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
        connection = _connect(path)
        try:
            yield Ledger(connection)
        finally:
            connection.close()
    finally:
        lock.release()


@contextmanager
def read_ledger(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a ledger for reading, also while another process writes to it.

    Raises:
        LedgerError: there is none, or it is damaged.
    """
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
        connection.row_factory = sqlite3.Row
        connection.execute("SELECT COUNT(*) FROM entry").fetchone()
    except sqlite3.Error as error:
        raise LedgerError(f"ledger {path}: cannot be read: {error}") from error
    try:
        yield connection
    finally:
        connection.close()


def balance(connection: sqlite3.Connection) -> Balance:
    """Give the balance of a ledger that is open for reading."""
    sums = {name: Money(pico) for name, pico in _sums(connection).items()}
    return Balance(Money(_cap(connection)), **sums)


def approvals(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Give all approvals, oldest first, as JSON."""
    rows = connection.execute("SELECT at, cap, by, until FROM approval ORDER BY at").fetchall()
    return [
        {"cap_usd": Money(cap).exact(), "by": by, "at": at, "until": until}
        for at, cap, by, until in rows
    ]


def usage_text(usage: object) -> str:
    """Give a provider's usage object as it is stored."""
    return json.dumps(usage, default=str)


def _connect(path: Path) -> sqlite3.Connection:
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(path, isolation_level=None, timeout=10)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise LedgerError(f"ledger {path}: is damaged; nothing was sent")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
        elif version != _VERSION:
            raise LedgerError(f"ledger {path}: has version {version}, this afcost knows {_VERSION}")
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(f"ledger {path}: cannot be opened: {error}; nothing was sent") from error
    return connection


def _row(
    kind: str, job: str, attempt: str | None, note: str, moved: dict[str, int]
) -> tuple[object, ...]:
    changes = (moved.get(account, 0) for account in _ACCOUNTS)
    return (datetime.now(UTC).isoformat(), kind, job, attempt, *changes, note)


def _rollback(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _cap(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT cap FROM approval ORDER BY at DESC LIMIT 1").fetchone()
    return int(row[0]) if row else 0


def _sums(connection: sqlite3.Connection) -> dict[str, int]:
    sums = ", ".join(f"COALESCE(SUM({name}), 0)" for name in _ACCOUNTS)
    row = connection.execute(f"SELECT {sums} FROM entry").fetchone()  # noqa: S608 - own names
    return dict(zip(_ACCOUNTS, map(int, row), strict=True))


def _asides(connection: sqlite3.Connection) -> dict[str, int]:
    query = "SELECT job, SUM(aside) FROM entry GROUP BY job HAVING SUM(aside) <> 0"
    return {job: int(amount) for job, amount in connection.execute(query)}
