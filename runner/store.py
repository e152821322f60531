"""The ledger's file: its tables, how it is opened for writing or reading, and what it sums to."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pricing.money import Money
from runner.attempt import Balance
from runner.chain import flaw
from runner.errors import LedgerError

ACCOUNTS = ("aside", "reserved", "settled", "held")

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
    aside INTEGER, reserved INTEGER, settled INTEGER, held INTEGER, note TEXT, hash TEXT
);
CREATE INDEX entry_attempt ON entry (attempt);
CREATE TRIGGER entry_stays BEFORE UPDATE ON entry
    BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entry_remains BEFORE DELETE ON entry
    BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
"""
_VERSION = 2  # 2: entries are chained


def connect(path: Path) -> sqlite3.Connection:
    """Open a ledger's file for writing, making it where there is none.

    Raises:
        LedgerError: it cannot be opened, is damaged, or of another version.
    """
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(path, isolation_level=None, timeout=10)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise LedgerError(f"ledger {path}: has version {version}, this afcost knows {_VERSION}")
        if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise LedgerError(f"ledger {path}: is damaged; nothing was sent")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        if version == 0:
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
        if changed := flaw(connection):
            raise LedgerError(
                f"ledger {path}: {changed}; nothing was sent. "
                f"To look at it:  afcost ledger {path.parent}"
            )
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(f"ledger {path}: cannot be opened: {error}; nothing was sent") from error
    return connection


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
    except sqlite3.DatabaseError as error:
        raise LedgerError(f"ledger {path}: is damaged: {error}") from error
    finally:
        connection.close()


def balance(connection: sqlite3.Connection) -> Balance:
    """Give the balance of a ledger that is open for reading."""
    accounts = {name: Money(pico) for name, pico in sums(connection).items()}
    return Balance(Money(cap(connection)), **accounts)


def approvals(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Give all approvals, oldest first, as JSON."""
    rows = connection.execute("SELECT at, cap, by, until FROM approval ORDER BY at").fetchall()
    return [
        {"cap_usd": Money(cap).exact(), "by": by, "at": at, "until": until}
        for at, cap, by, until in rows
    ]


def cap(connection: sqlite3.Connection) -> int:
    """Give the newest approval's cap in pico-dollars, 0 without one."""
    row = connection.execute("SELECT cap FROM approval ORDER BY at DESC LIMIT 1").fetchone()
    return int(row[0]) if row else 0


def sums(connection: sqlite3.Connection) -> dict[str, int]:
    """Give what each account comes to, in pico-dollars."""
    columns = ", ".join(f"COALESCE(SUM({name}), 0)" for name in ACCOUNTS)
    row = connection.execute(f"SELECT {columns} FROM entry").fetchone()  # noqa: S608 - own names
    return dict(zip(ACCOUNTS, map(int, row), strict=True))


def asides(connection: sqlite3.Connection) -> dict[str, int]:
    """Give every job that has money set aside -> how much, in pico-dollars."""
    query = "SELECT job, SUM(aside) FROM entry GROUP BY job HAVING SUM(aside) <> 0"
    return {job: int(amount) for job, amount in connection.execute(query)}
