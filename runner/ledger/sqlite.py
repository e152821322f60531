"""A ledger in an SQLite file: opened for writing or for reading."""

from __future__ import annotations

import errno
import os
import shlex
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from runner.errors import LedgerError
from runner.ledger.hash_chain import (
    CheckedEntry,
    find_tampering,
    last_entry,
    new_identity,
    read_identity,
)
from runner.ledger.schema import (
    ADD_REFUSALS,
    BATCH_VERSION,
    COLUMNS,
    CREATE_IDENTITY,
    CREATE_TABLES,
    IMPORT_VERSION,
    OLDER_VERSIONS,
    SCHEMA_VERSION,
    UNNAMED_VERSION,
    LedgerState,
    QueryResult,
    WriteError,
    read_cap,
    sum_accounts,
)
from runner.ledger.sqlite_check import refuse_foreign_content
from runner.ledger.writing import PendingRows
from runner.state import (
    ChainEnd,
    FileState,
    LedgerFileLock,
    begin_writing,
    end_writing,
    find_checked_end,
    find_file_state,
    find_own_end,
    is_checked,
    is_locked,
    is_own,
    keep_checked,
    refuse_locked,
)

_APPEND_ONLY_TRIGGERS = """
CREATE TRIGGER entry_stays BEFORE UPDATE ON entry
    BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entry_remains BEFORE DELETE ON entry
    BEGIN SELECT RAISE (ABORT, 'the ledger is append-only'); END;
"""
_INSERT = {
    table: f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - own names
    for table, columns in COLUMNS.items()
}
_ALL_STATEMENTS = f"{CREATE_TABLES} {_APPEND_ONLY_TRIGGERS} {CREATE_IDENTITY}"
_READ_CACHE_KIB = 16 << 10  # so that the inner pages of a long ledger's indexes are read once
# A primary key cannot be dropped, and an approval's time is none any more.
_NAME_APPROVALS = """
ALTER TABLE approval RENAME TO unnamed;
CREATE TABLE approval (
    at TEXT, plan TEXT, cap BIGINT, by TEXT, until TEXT, id TEXT UNIQUE, confirmed TEXT,
    replaces TEXT
);
INSERT INTO approval SELECT at, plan, cap, by, until, NULL, NULL, NULL FROM unnamed;
DROP TABLE unnamed;
"""


class SqliteStore:
    """An SQLite ledger, open for writing by this process alone. Open it with `open_sqlite`."""

    is_shared = False
    error: type[Exception] = sqlite3.Error

    def __init__(
        self,
        connection: sqlite3.Connection,
        worker: str,
        key: bytes = b"",
        lock: LedgerFileLock | None = None,
    ) -> None:
        self.worker = worker
        self.key = key
        self._db = connection
        self._pending = PendingRows(self._insert_rows)
        self._lock = lock
        self._mode = ""
        self._modes = {True: "FULL", False: "NORMAL"}
        self._state = LedgerState(
            *last_entry(connection), read_cap(connection), sum_accounts(connection)
        )

    def read_state(self) -> LedgerState:
        """Return the ledger's current state."""
        return self._state.copy()

    def execute(self, sql: str, values: Sequence[object] = (), /) -> QueryResult:
        """Run a statement."""
        self._pending.flush()
        return self._db.execute(sql, values)

    def read_version(self) -> int:
        """Return the version of its tables and of what they may hold."""
        ((version,),) = self.execute("PRAGMA user_version").fetchall()
        return int(version)

    def write_version(self, version: int, /) -> None:
        """Have earlier versions refuse it once the transaction is committed."""
        self.execute(f"PRAGMA user_version = {version}")

    def insert(self, table: str, row: Sequence[object], /) -> None:
        """Insert a row of one of `COLUMNS`, at the latest when the transaction is committed."""
        self._pending.add(table, row)

    def _insert_rows(self, table: str, rows: list[Sequence[object]]) -> None:
        self._db.executemany(_INSERT[table], rows)

    def rename(self) -> str:
        """Give the ledger an identity of its own, because it is a copy; return that."""
        name, _ = new_identity(self.key)
        self._db.execute("UPDATE identity SET id = ?", (name,))
        return name

    def begin(self, *, durable: bool) -> LedgerState:
        """Begin a transaction.

        Args:
            durable: it survives a power cut; one that is not is durable with the next that is.
        """
        self._refuse_loss()
        if self._mode != self._modes[durable]:
            self._mode = self._modes[durable]
            self._db.execute(f"PRAGMA synchronous = {self._mode}")
        self._db.execute("BEGIN IMMEDIATE")
        if last_entry(self._db) != (self._state.seq, self._state.last_hash):
            raise sqlite3.OperationalError("another process wrote to it meanwhile")
        self._pending.begin()
        return self.read_state()

    def commit(self, state: LedgerState) -> None:
        """Commit the transaction; `state` is the ledger's new state."""
        self._pending.flush()
        self._db.execute("COMMIT")
        self._state = state.copy()
        self._refuse_loss()  # what was written went where no one will look for it

    def rollback(self) -> None:
        """Roll back the transaction, if one is open."""
        self._pending.drop()
        with suppress(sqlite3.Error):  # a failed disk; the transaction ends with the connection
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def judge_error(self, error: Exception) -> WriteError:
        """Return what an error in a transaction means for what is written later."""
        lost = type(error) in {sqlite3.OperationalError, sqlite3.DatabaseError}
        return WriteError.LOST if lost else WriteError.REFUSED

    def _refuse_loss(self) -> None:
        if self._lock is not None and (loss := self._lock.find_loss()):
            raise sqlite3.OperationalError(loss)


@contextmanager
def open_sqlite(path: Path, worker: str, key: bytes = b"") -> Iterator[SqliteStore]:
    """Open an SQLite ledger for writing; create it if there is none.

    Args:
        path: of the file.
        worker: the name under which this process writes.
        key: of the chain; empty where it has none.

    Raises:
        LedgerBusy: another process has it open.
        LedgerError: it cannot be read or written, or is damaged.
    """
    lock = LedgerFileLock(path)
    lock.acquire()
    try:
        connection, version = _open_connection(path, key)
        lock.find_loss()  # from now on it must stay the same file
        with closing(connection):
            store = SqliteStore(connection, worker, key, lock)
            begin_writing(path)
            try:
                yield store
            finally:
                _close_own(connection, path, store.read_state(), version)
    finally:
        lock.release()


def _close_own(
    connection: sqlite3.Connection, path: Path, state: LedgerState, version: int
) -> None:
    """Close a ledger that this process wrote to, and keep up to where it has checked its chain.

    It has not where something else wrote to the file meanwhile, which may have changed any entry.
    """
    others_wrote = True
    with suppress(sqlite3.Error):  # a failed disk
        others_wrote = _read_version(connection) != version
    connection.close()
    end_writing(path, None if others_wrote else ChainEnd(state.seq, state.last_hash))


def _read_version(connection: sqlite3.Connection) -> int:
    """Return a number that changes with each transaction of other connections to the file."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def is_open_for_writing(path: Path) -> bool:
    """Return whether a process has the ledger file open for writing."""
    return is_locked(path)


def _open_connection(path: Path, key: bytes) -> tuple[sqlite3.Connection, int]:
    """Open a ledger's file for writing, and check it.

    Returns:
        a connection, and its `_read_version` from before the file was checked.
    """
    _require_regular_files(path)
    try:
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        # Its one writer is a thread that is not always the same, but never two at a time.
        before = find_file_state(path)
        connection = sqlite3.connect(
            path, isolation_level=None, timeout=10, check_same_thread=False
        )
        version = _check_file(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        if version == 0:
            _create_tables(connection, f"{CREATE_TABLES} {_APPEND_ONLY_TRIGGERS}", key)
        data_version = _read_version(connection)
        # SQLite may have rolled the file back to a journal beside it. And a network's disk says
        # what a file is like now only to a process that has it open.
        known = before if find_file_state(path) == before else None
        knows_values = known is not None and is_checked(known)
        refuse_foreign_content(connection, _ALL_STATEMENTS, knows_values=knows_values)
        _refuse_tampering(connection, path, key, find_checked_end(known) if known else None)
        if version == UNNAMED_VERSION:
            _create_tables(connection, f"{_NAME_APPROVALS} {ADD_REFUSALS}", b"")
        elif version in OLDER_VERSIONS:
            _change_tables(connection, ADD_REFUSALS)
        # What a process that was killed has left is on the disk from now on.
        connection.execute("PRAGMA wal_checkpoint").fetchall()
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(f"cannot open ledger {path}: {error}; nothing was sent") from error
    return connection, data_version


def check_sqlite(path: Path, key: bytes = b"") -> bool:
    """Check all that opening an SQLite ledger for writing checks, and write nothing.

    Returns:
        whether it has tables; an empty file gets them when it is opened.

    Raises:
        LedgerBusy: another process has it open.
        LedgerError: it cannot be read or written, or is damaged.
    """
    refuse_locked(path)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise LedgerError(f"cannot lock ledger {path}: {os.strerror(errno.EACCES)}")
    if not path.exists() or path.stat().st_size == 0:
        return False
    if not os.access(path, os.W_OK):
        denied = os.strerror(errno.EACCES)
        raise LedgerError(f"cannot open ledger {path}: {denied}; nothing was sent")
    try:
        with read_sqlite(path) as connection:
            _check_file(connection, path)
            _refuse_tampering(connection, path, key, find_checked_end(find_file_state(path)))
    except LedgerError as error:
        cause = error.__cause__
        if not isinstance(cause, sqlite3.Error):
            raise
        if "no such table" in str(cause):
            return False
        raise LedgerError(f"cannot open ledger {path}: {cause}; nothing was sent") from cause
    return True


def _check_file(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of a ledger's tables; 0 where it has none yet.

    Raises:
        LedgerError: this afcost does not know the version, or the file is damaged.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version not in (0, *OLDER_VERSIONS, SCHEMA_VERSION, IMPORT_VERSION, BATCH_VERSION):
        raise LedgerError(
            f"ledger {path} has version {version}; this afcost supports {SCHEMA_VERSION}"
        )
    if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
        raise LedgerError(f"ledger {path} is damaged; nothing was sent")
    return version


def _refuse_tampering(
    connection: sqlite3.Connection, path: Path, key: bytes, end: ChainEnd | None
) -> None:
    """Refuse a ledger that was changed; its chain is checked from the entry on to which it was."""
    if changed := find_tampering(connection, key, CheckedEntry(*end) if end else None):
        raise LedgerError(
            f"ledger {path}: {changed}; nothing was sent. "
            f"To inspect it:  afcost ledger {shlex.quote(str(path.parent))}"
        )


def _require_regular_files(path: Path) -> None:
    """Refuse devices and FIFOs: SQLite would wait for them, or read them without end."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        file = path.with_name(path.name + suffix)
        if file.exists() and not file.is_file():
            raise LedgerError(f"cannot open ledger {path}: {file} is not a regular file")


def _create_tables(connection: sqlite3.Connection, statements: str, key: bytes) -> None:
    """Create or change a ledger's tables, and give it an identity, all at once."""
    name, keyed = new_identity(key)
    identity = f"{CREATE_IDENTITY} INSERT INTO identity VALUES ('{name}', {keyed});"  # noqa: S608
    _change_tables(connection, f"{statements} {identity}")


def _change_tables(connection: sqlite3.Connection, statements: str) -> None:
    """Change a ledger's tables to those of today, all at once."""
    version = f"PRAGMA user_version = {SCHEMA_VERSION};"
    connection.executescript(f"BEGIN; {statements} {version} COMMIT;")


def sqlite_exists(path: Path) -> bool:
    """Return whether a file is there that has anything in it.

    A process that was killed while it made one may have left a file without tables.
    """
    if not path.is_file():
        return path.exists()
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None
    except sqlite3.Error:  # reading it says why
        return True


def read_sqlite_identity(path: Path) -> str:
    """Return the identity of an SQLite ledger; empty where there is none."""
    try:
        with read_sqlite(path) as connection:
            return read_identity(connection)[0]
    except LedgerError:
        return ""


@contextmanager
def read_sqlite(path: Path, *, was_checked: bool = False) -> Iterator[sqlite3.Connection]:
    """Open an SQLite ledger for reading, as of this moment, even while it is being written.

    Args:
        path: of the ledger.
        was_checked: whether this process knows that all of its values have their columns' types.

    Raises:
        LedgerError: there is none, or it is damaged.
    """
    _require_regular_files(path)
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10, isolation_level=None
        )
        connection.execute(f"PRAGMA cache_size = -{_READ_CACHE_KIB}")
        before = find_file_state(path)
        connection.execute("BEGIN")
        connection.execute("SELECT 1 FROM entry LIMIT 1").fetchone()
        if not was_checked and not is_own(path, before):
            _refuse_foreign_file(connection, path, before)
    except (sqlite3.Error, OSError) as error:
        if path.exists() and not sqlite_exists(path):
            raise LedgerError(
                f"ledger {path} is empty: a run was ended while it was made; run the plan again"
            ) from error
        raise LedgerError(f"cannot read ledger {path}: {error}") from error
    try:
        yield connection
        _keep_own(connection, path, before)
    except sqlite3.DatabaseError as error:
        raise LedgerError(f"ledger {path} is damaged: {error}") from error
    finally:
        connection.close()


def _keep_own(connection: sqlite3.Connection, path: Path, before: FileState) -> None:
    """Keep that a file was checked that this process wrote to last, once it was read.

    When it was closed, a clock could not have told the next write from its own.
    """
    end = find_own_end(path, before)
    if end is not None and last_entry(connection) == end:
        with suppress(OSError):
            if find_file_state(path) == before:
                keep_checked(before, end)


def _refuse_foreign_file(connection: sqlite3.Connection, path: Path, before: FileState) -> None:
    """Refuse a file that holds what is not ours; one that was looked through, by its tables alone.

    Args:
        connection: to the file, as of one moment.
        path: of it.
        before: that moment, what the system said of it.
    """
    knows_values = is_checked(before) and find_file_state(path) == before
    refuse_foreign_content(connection, _ALL_STATEMENTS, knows_values=knows_values)
    if not knows_values and find_file_state(path) == before:
        keep_checked(before)
