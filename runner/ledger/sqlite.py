"""The ledger's file: how SQLite keeps it, how it is opened for writing or reading."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from runner.errors import LedgerBusy, LedgerError
from runner.ledger.hash_chain import flaw, tip
from runner.ledger.schema import TABLES, VERSION, Head, Rows, cap, sums

_LOOK = 0.5  # seconds, because `is_open` has the lock for a moment
_STAYS = """
CREATE TRIGGER entry_stays BEFORE UPDATE ON entry
    BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entry_remains BEFORE DELETE ON entry
    BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
"""


class SqliteStore:
    """A ledger's file, open for writing by this process alone. Make one with `open_file`."""

    shared = False
    worker = ""
    error: type[Exception] = sqlite3.Error

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._mode = ""
        self._modes = {True: "FULL", False: "NORMAL"}
        self._head = Head(*tip(connection), cap(connection), sums(connection))

    def head(self) -> Head:
        """Say where the ledger stands."""
        return self._head.copy()

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        """Run a statement."""
        return self._db.execute(sql, values)

    def begin(self, *, durable: bool) -> Head:
        """Begin a transaction.

        Args:
            durable: it survives a power cut; one that is not is durable with the next that is.
        """
        if self._mode != self._modes[durable]:
            self._mode = self._modes[durable]
            self._db.execute(f"PRAGMA synchronous = {self._mode}")
        self._db.execute("BEGIN IMMEDIATE")
        return self.head()

    def commit(self, head: Head) -> None:
        """End the transaction; the ledger stands at `head` now."""
        self._db.execute("COMMIT")
        self._head = head.copy()

    def rollback(self) -> None:
        """Undo the transaction, if one is open."""
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


@contextmanager
def open_file(path: Path) -> Iterator[SqliteStore]:
    """Open a ledger's file for writing, making it where there is none.

    Raises:
        LedgerBusy: another process has it open.
        LedgerError: it cannot be read or written, or is damaged.
    """
    lock = FileLock(path.with_suffix(".lock"))
    try:
        lock.acquire(timeout=_LOOK, poll_interval=0.05)
    except Timeout:
        raise LedgerBusy(
            f"ledger {path}: another process is running this plan; wait for it, or watch it:  "
            f"afcost status {path.parent}"
        ) from None
    except OSError as error:
        raise LedgerError(f"cannot lock ledger {path}: {error.strerror}") from error
    try:
        connection = _connect(path)
        try:
            yield SqliteStore(connection)
        finally:
            connection.close()
    finally:
        lock.release()


def is_open(path: Path) -> bool:
    """Say whether a process has a ledger's file open for writing."""
    try:
        with FileLock(path.with_suffix(".lock"), timeout=0):
            return False
    except Timeout:
        return True


def _connect(path: Path) -> sqlite3.Connection:
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        # Its one writer is a thread that is not always the same, but never two at a time.
        connection = sqlite3.connect(
            path, isolation_level=None, timeout=10, check_same_thread=False
        )
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise LedgerError(
                f"ledger {path} has version {version}; this afcost supports {VERSION}"
            )
        if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
            raise LedgerError(f"ledger {path} is damaged; nothing was sent")
        connection.execute("PRAGMA journal_mode = WAL")
        if version == 0:
            made = f"{TABLES} {_STAYS} PRAGMA user_version = {VERSION};"
            connection.executescript(f"BEGIN; {made} COMMIT;")
        if changed := flaw(connection):
            raise LedgerError(
                f"ledger {path}: {changed}; nothing was sent. "
                f"To inspect it:  afcost ledger {path.parent}"
            )
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(f"cannot open ledger {path}: {error}; nothing was sent") from error
    return connection


@contextmanager
def read_file(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a ledger's file for reading, as it is at this moment, also while it is written to.

    Raises:
        LedgerError: there is none, or it is damaged.
    """
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10, isolation_level=None
        )
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        connection.execute("SELECT COUNT(*) FROM entry").fetchone()
    except sqlite3.Error as error:
        raise LedgerError(f"cannot read ledger {path}: {error}") from error
    try:
        yield connection
    except sqlite3.DatabaseError as error:
        raise LedgerError(f"ledger {path} is damaged: {error}") from error
    finally:
        connection.close()
