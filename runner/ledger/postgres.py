"""A ledger in PostgreSQL, shared by many processes on many machines.

Each study has a schema of its own with the ledger's tables and three more: `head`, one row that
says where the ledger stands and is locked by every transaction, so that they follow one another;
`job`, the queue of work; `worker`, who is at it (`job_table`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from typing import Any, TypeVar

from providers.error_body import put_on_one_line
from runner.errors import LedgerError
from runner.ledger.hash_chain import (
    GENESIS_HASH,
    CheckedEntry,
    find_tampering,
    find_wrong_key,
    last_entry,
    new_identity,
)
from runner.ledger.location import PostgresLocation
from runner.ledger.schema import (
    ACCOUNTS,
    ADD_REFUSALS,
    BATCH_VERSION,
    COLUMNS,
    CREATE_IDENTITY,
    CREATE_TABLES,
    NAMED_VERSION,
    OLDER_VERSIONS,
    SCHEMA_VERSION,
    UNNAMED_VERSION,
    LedgerState,
    QueryResult,
    Row,
    WriteError,
    read_cap,
    sum_accounts,
)
from runner.ledger.writing import PendingRows, write_records

try:
    import psycopg
    from psycopg import sql
    from psycopg.abc import PQGen
    from psycopg.rows import TupleRow
    from psycopg.types.numeric import IntLoader
except ImportError as missing:
    raise LedgerError(
        "a PostgreSQL ledger needs psycopg; install it:  pip install 'afcost[postgres]'"
    ) from missing

RV = TypeVar("RV")
_CREATE_POSTGRES_TABLES = """
CREATE TABLE head (
    version BIGINT, seq BIGINT, tip TEXT, cap BIGINT,
    aside BIGINT, reserved BIGINT, settled BIGINT, held BIGINT, halt TEXT
);
CREATE TABLE job (place BIGINT PRIMARY KEY, state TEXT NOT NULL, worker TEXT);
CREATE INDEX job_state ON job (state, place);
CREATE TABLE worker (id TEXT PRIMARY KEY, until TIMESTAMPTZ NOT NULL, ended BOOLEAN NOT NULL);
CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$;
CREATE TRIGGER entry_stays BEFORE UPDATE OR DELETE ON entry
    FOR EACH ROW EXECUTE FUNCTION stays();
"""
_NAME_APPROVALS = """
ALTER TABLE approval DROP CONSTRAINT approval_pkey;
ALTER TABLE approval ADD COLUMN id TEXT UNIQUE, ADD COLUMN confirmed TEXT, ADD COLUMN replaces TEXT;
"""
_SELECT_HEAD = "SELECT seq, tip, cap, aside, reserved, settled, held, halt FROM head"
_UPDATE_HEAD = (
    "UPDATE head SET seq = ?, tip = ?, cap = ?, aside = ?, reserved = ?, settled = ?, held = ?, "
    "halt = ?"
)
_INSERT_RECORDS = {
    table: (
        f"INSERT INTO {table} SELECT {', '.join(columns)} "  # noqa: S608 - own names
        f"FROM json_populate_recordset(NULL::{table}, %s::json)"
    ).encode()
    for table, columns in COLUMNS.items()
}
_MAX_LOCK_SECONDS = 15  # seconds that a process may keep the ledger's lock
_LOCK_PATIENCE = 90  # seconds to wait for the ledger's lock, which others may keep for a while
_SILENCE_PATIENCE = 100  # seconds to wait for a server that says nothing
_CONNECT_PATIENCE = 30  # seconds to try to connect again after a connection was lost
_CONNECT_INTERVAL = 0.5  # seconds between two tries
_REPEATS = 3  # of a statement whose connection was lost
_CONNECTION_ERRORS = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
# Errors after which nothing can be written: also tables that are gone or may not be written.
_LASTING_ERRORS = (
    *_CONNECTION_ERRORS,
    psycopg.errors.UndefinedTable,
    psycopg.errors.InsufficientPrivilege,
)
_REPLACED_MESSAGE = "it had {} entries and now has {}: the database was replaced by an older one"
# The version of PostgreSQL from which a whole transaction has a timeout, not only an idle one.
_TIMEOUT_SUPPORTED_FROM = 17_00_00
_KNOWN_VERSIONS = (*OLDER_VERSIONS, SCHEMA_VERSION, BATCH_VERSION)
_CREATE_SCHEMA_LOCK = 7218153  # the advisory lock held while a schema is created


class PostgresStore:
    """A shared ledger, open for writing. Make one with `open_postgres`.

    Attributes:
        worker: whose transactions these are; one whose lease expired is told so.
    """

    is_shared = True
    error: type[Exception] = psycopg.Error

    def __init__(self, link: _Link, worker: str, key: bytes = b"") -> None:
        self.worker = worker
        self.key = key
        self._link = link
        self._pending = PendingRows(self._insert_rows)
        self._pipeline = ExitStack()
        self._was_undone = False  # the transaction, by a connection that is there again
        self._seq = 0  # of the newest entry that this process has seen

    @property
    def _db(self) -> psycopg.Connection[TupleRow]:
        return self._link.connection

    def read_state(self) -> LedgerState:
        """Return the ledger's current state."""
        (row,) = self.execute(_SELECT_HEAD)
        return _state_from_row(row)

    def execute(self, sql: str, values: Sequence[object] = (), /) -> QueryResult:
        """Run a statement."""
        self._pending.flush()
        return self._db.execute(_to_psycopg_sql(sql), values or None)

    def read_version(self) -> int:
        """Return the version of its tables and of what they may hold."""
        ((version,),) = self.execute("SELECT version FROM head").fetchall()
        return int(version)

    def write_version(self, version: int, /) -> None:
        """Have earlier versions refuse it once the transaction is committed."""
        self.execute("UPDATE head SET version = ?", (version,))

    def insert(self, table: str, row: Sequence[object], /) -> None:
        """Insert a row of one of `COLUMNS`, at the latest when the transaction is committed."""
        self._pending.add(table, row)

    def _insert_rows(self, table: str, rows: list[Sequence[object]]) -> None:
        """Insert rows by few statements, whose one value is a JSON text.

        Measured with 50 rows: a ninth of the time of a statement for each.
        """
        for text in write_records(COLUMNS[table], rows):
            self._db.execute(_INSERT_RECORDS[table], (text,))

    def begin(self, *, durable: bool) -> LedgerState:
        """Begin a transaction, once no other is in progress.

        Args:
            durable: it survives a power cut; one that is not is durable with the next that is.
        """
        try:
            return self._begin(durable=durable)
        except _CONNECTION_ERRORS as error:
            self._restore(error)
        return self._begin(durable=durable)

    def _begin(self, *, durable: bool) -> LedgerState:
        # All of it is sent before any of it is waited for, with the sync at whose end the server
        # counts how long it waits for this process: one that is suspended while it waits for the
        # lock must not keep it once it has it.
        pipeline = self._pipeline.enter_context(self._db.pipeline())
        self._db.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        self._db.execute(f"SET LOCAL synchronous_commit = {'on' if durable else 'off'}")
        found_head = self.execute(f"{_SELECT_HEAD} FOR UPDATE")
        # Done after the lock was had: what others did while this waited for it is seen.
        found_worker = self.execute("SELECT ended FROM worker WHERE id = ?", (self.worker,))
        if self._db.info.server_version >= _TIMEOUT_SUPPORTED_FROM:
            self._db.execute(f"SET LOCAL transaction_timeout = '{_MAX_LOCK_SECONDS}s'")
        pipeline.sync()
        (row,) = found_head
        head = _state_from_row(row)
        if head.seq < self._seq:
            raise psycopg.OperationalError(_REPLACED_MESSAGE.format(self._seq, head.seq))
        self._seq = head.seq
        ended = found_worker.fetchone()
        head.evicted = bool(ended and ended[0])
        head.is_own = ended is not None and not head.evicted
        self._pending.begin()
        return head

    def commit(self, state: LedgerState) -> None:
        """Commit the transaction; `state` is the ledger's new state."""
        sums = [state.sums[account] for account in ACCOUNTS]
        try:
            self.execute(
                _UPDATE_HEAD, (state.seq, state.last_hash, state.cap, *sums, state.stop_reason)
            )
            self._db.execute("COMMIT")
            self._pipeline.close()
        except _CONNECTION_ERRORS as error:
            self._restore(error)
            if not self._was_committed(state):
                self._was_undone = True
                raise
        self._seq = state.seq

    def _was_committed(self, state: LedgerState) -> bool:
        """Return whether a transaction was committed whose end this process did not learn of.

        Behind a connection that was cut, the server may still be at it: then it has the lock.
        """
        if state.seq == self._seq:  # it wrote no entry; to do it twice does no harm
            return False
        self.execute(f"{_SELECT_HEAD} FOR UPDATE")
        query = "SELECT 1 FROM entry WHERE seq = ? AND hash = ?"
        return self.execute(query, (state.seq, state.last_hash)).fetchone() is not None

    def _restore(self, error: Exception) -> None:
        """Restore a lost connection, in which nothing is open."""
        failed = self._db
        self._link.note(error)
        self.rollback()
        self._link.restore(error, failed)

    def rollback(self) -> None:
        """Roll back the transaction, if one is open; a lost connection rolls back by itself."""
        self._pending.drop()
        with suppress(psycopg.Error):
            self._pipeline.close()
        with suppress(*_CONNECTION_ERRORS):
            if not self._link.is_broken:
                self._db.execute("ROLLBACK")

    def judge_error(self, error: Exception) -> WriteError:
        """Return what an error in a transaction means for what is written later.

        A lost connection is restored first.
        """
        if self._was_undone:
            self._was_undone = False
            return WriteError.UNDONE
        self._link.note(error)
        if self._link.is_broken:
            try:
                self._restore(error)
            except psycopg.Error:
                return WriteError.LOST
            return WriteError.UNDONE
        return WriteError.LOST if isinstance(error, _LASTING_ERRORS) else WriteError.REFUSED


@contextmanager
def open_postgres(
    location: PostgresLocation, worker: str, key: bytes = b"", checked: CheckedEntry | None = None
) -> Iterator[PostgresStore]:
    """Open a shared ledger for writing; create it if there is none.

    Args:
        location: where it is.
        worker: the name under which this process writes.
        key: of the chain; empty where it has none.
        checked: the entry up to which its chain was checked by the process that started this one;
            None to check all of it.

    Raises:
        LedgerError: it cannot be reached or made, or was changed.
    """
    with _open_connection(location) as connection:
        try:
            _create_schema(location, connection, key)
        except psycopg.Error as error:
            raise _ledger_error(location, error) from error
        with read_postgres(location) as reading:
            changed = find_tampering(reading, key, checked) or _find_head_mismatch(reading)
            if changed:
                raise LedgerError(f"ledger {location}: {changed}; nothing was sent")
        link = _Link(location, connection)
        try:
            yield PostgresStore(link, worker, key)
        finally:
            link.close()


@contextmanager
def read_postgres(location: PostgresLocation) -> Iterator[_ReadConnection]:
    """Open a shared ledger for reading, as of this moment.

    Raises:
        LedgerError: there is none, or it cannot be reached.
    """
    with _open_connection(location) as connection:
        try:
            connection.execute("SET idle_in_transaction_session_timeout = 0")  # it locks nothing
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            with ExitStack() as cursors:
                yield _ReadConnection(connection, cursors)
        except psycopg.Error as error:
            raise _ledger_error(location, error) from error


@contextmanager
def connect_job_table(location: PostgresLocation) -> Iterator[_JobConnection]:
    """Connect to a shared ledger for its job table; each statement is a transaction.

    Raises:
        LedgerError: it cannot be reached.
    """
    with _open_connection(location) as connection:
        link = _Link(location, connection)
        try:
            yield _JobConnection(link)
        finally:
            link.close()


def schema_exists(location: PostgresLocation) -> bool:
    """Return whether a study has a ledger in a database."""
    with _open_connection(location) as connection:
        row = connection.execute("SELECT to_regclass('head')").fetchone()
    return row is not None and row[0] is not None


def has_live_workers(location: PostgresLocation) -> bool:
    """Return whether any worker holds a valid lease."""
    query = "SELECT COUNT(*) FROM worker WHERE NOT ended AND until > now()"
    with read_postgres(location) as reading:
        ((count,),) = reading.execute(query)
        return bool(count)


@contextmanager
def _open_connection(location: PostgresLocation) -> Iterator[psycopg.Connection[TupleRow]]:
    """Connect to a shared ledger's database in autocommit mode."""
    try:
        connection = _connect(location)
    except psycopg.Error as error:
        raise _ledger_error(location, error) from error
    try:
        yield connection
    finally:
        connection.close()


def _connect(location: PostgresLocation) -> psycopg.Connection[TupleRow]:
    connection = _PatientConnection.connect(
        location.url,
        autocommit=True,
        connect_timeout=10,
        application_name="afcost",
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=20_000,
    )
    try:
        connection.adapters.register_loader("numeric", IntLoader)  # sums of integers
        schema = sql.Identifier(location.schema)
        connection.execute(sql.SQL("SET search_path TO {}").format(schema))
        # A process that is suspended while it holds the ledger's lock must not stop all others.
        connection.execute(f"SET idle_in_transaction_session_timeout = '{_MAX_LOCK_SECONDS}s'")
        connection.execute(f"SET lock_timeout = '{_LOCK_PATIENCE}s'")
    except BaseException:
        connection.close()
        raise
    return connection


class _PatientConnection(psycopg.Connection[TupleRow]):
    """A connection that gives up a server which no longer says anything."""

    def wait(self, gen: PQGen[RV], *args: Any, **options: Any) -> RV:  # noqa: ANN401 - psycopg's
        """Wait for the end of an exchange with the server, as psycopg does."""
        try:
            return super().wait(_limit_silence(gen), *args, **options)
        except _SilentError:
            self.close()
            raise


class _SilentError(psycopg.OperationalError):
    """A server did not answer."""


def _limit_silence(steps: PQGen[RV]) -> PQGen[RV]:
    """Take the steps of an exchange, and break it off where the server is silent for too long.

    A process that was suspended meanwhile finds what the server said, and goes on.
    """
    silent_since = time.monotonic()
    try:
        wanted = next(steps)
        while True:
            ready = yield wanted
            if ready:
                silent_since = time.monotonic()
            elif time.monotonic() - silent_since > _SILENCE_PATIENCE:
                steps.close()
                raise _SilentError(f"the database did not answer for {_SILENCE_PATIENCE} s")
            wanted = steps.send(ready)
    except StopIteration as end:
        result: RV = end.value
        return result


class _Link:
    """A connection that is restored where it is lost, for several threads.

    Attributes:
        connection: the present one.
        restored: how often it was restored.
    """

    def __init__(
        self, location: PostgresLocation, connection: psycopg.Connection[TupleRow]
    ) -> None:
        self.connection = connection
        self.restored = 0
        self._location = location
        self._lock = threading.Lock()
        self._is_given_up = False  # the server did not come back when it was waited for

    @property
    def is_broken(self) -> bool:
        """Whether the connection is lost."""
        return self.connection.closed or self.connection.broken

    def note(self, error: Exception) -> None:
        """Close a connection that the server is about to close: it said so."""
        said = getattr(getattr(error, "diag", None), "severity_nonlocalized", None)
        if said in {"FATAL", "PANIC"}:
            self.connection.close()

    def restore(self, error: Exception, failed: psycopg.Connection[TupleRow]) -> None:
        """Connect again to a server that is restarted, say, for as long as is worth waiting.

        It is waited for once: what asks later, at the end of a run, tries once each.

        Args:
            error: because of which; it is raised where the connection is not lost.
            failed: the connection that it came from; another thread may have replaced it.

        Raises:
            psycopg.Error: the server does not come back.
        """
        with self._lock:
            if self.connection is not failed:
                return
            self.note(error)
            if not self.is_broken:
                raise error
            deadline = time.monotonic() + (0 if self._is_given_up else _CONNECT_PATIENCE)
            self._is_given_up = True
            while self.connection is failed:
                try:
                    self.connection = _connect(self._location)
                except psycopg.OperationalError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(_CONNECT_INTERVAL)
            self.restored += 1
            self._is_given_up = False

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


class _ReadConnection:
    """A ledger open for reading; rows are fetched on demand, not all at once."""

    def __init__(self, connection: psycopg.Connection[TupleRow], cursors: ExitStack) -> None:
        self._db = connection
        self._cursors = cursors
        self._queries = 0

    def execute(self, sql: str, values: Sequence[object] = (), /) -> QueryResult:
        """Run a query."""
        self._queries += 1
        cursor = self._cursors.enter_context(self._db.cursor(name=f"query{self._queries}"))
        return cursor.execute(_to_psycopg_sql(sql), values or None)


class _JobConnection:
    """A connection to a shared ledger's job table, for several threads."""

    def __init__(self, link: _Link) -> None:
        self._link = link

    @property
    def restored(self) -> int:
        """How often the connection was lost and restored."""
        return self._link.restored

    def execute(self, sql: str, values: Sequence[object] = (), /) -> QueryResult:
        """Run a statement in a transaction of its own; again where its connection was lost."""
        try:
            for _ in range(_REPEATS):
                connection = self._link.connection
                try:
                    return connection.execute(_to_psycopg_sql(sql), values or None)
                except psycopg.Error as error:
                    self._link.restore(error, connection)
            return self._link.connection.execute(_to_psycopg_sql(sql), values or None)
        except psycopg.Error as error:
            raise LedgerError(
                f"the job queue could not be read or written: {put_on_one_line(str(error))}"
            ) from error


def _create_schema(
    location: PostgresLocation, connection: psycopg.Connection[TupleRow], key: bytes
) -> None:
    """Create a study's schema once, whichever worker comes first; bring an older one up to date."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_CREATE_SCHEMA_LOCK,))
        there = connection.execute("SELECT to_regclass('head')").fetchone()
        if there is None or there[0] is None:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(location.schema)))
            connection.execute(CREATE_TABLES + _CREATE_POSTGRES_TABLES)
            start = (SCHEMA_VERSION, GENESIS_HASH)
            connection.execute("INSERT INTO head VALUES (%s, 0, %s, 0, 0, 0, 0, 0, '')", start)
            _give_identity(connection, key)
        version = connection.execute("SELECT version FROM head").fetchone()
        if version == (UNNAMED_VERSION,) and not find_wrong_key(keyed=False, key=key):
            connection.execute(_NAME_APPROVALS + ADD_REFUSALS)
            cap = read_cap(
                _JobConnection(_Link(location, connection))
            )  # in order of arrival, no longer of time
            connection.execute("UPDATE head SET version = %s, cap = %s", (SCHEMA_VERSION, cap))
            _give_identity(connection, b"")
        elif version == (NAMED_VERSION,):
            connection.execute(ADD_REFUSALS)
            connection.execute("UPDATE head SET version = %s", (SCHEMA_VERSION,))
        elif version is None or version[0] not in _KNOWN_VERSIONS:
            found = version and version[0]
            raise LedgerError(
                f"ledger {location} has version {found}; this afcost supports {SCHEMA_VERSION}"
            )


def _give_identity(connection: psycopg.Connection[TupleRow], key: bytes) -> None:
    connection.execute(CREATE_IDENTITY)
    connection.execute("INSERT INTO identity VALUES (%s, %s)", new_identity(key))


def _state_from_row(row: Row) -> LedgerState:
    seq, tip, cap, *sums, halt = row
    return LedgerState(seq, tip, cap, dict(zip(ACCOUNTS, sums, strict=True)), halt)


def _find_head_mismatch(reading: _ReadConnection) -> str | None:
    """Check that the head row, which decides about money, matches the sum of the entries."""
    (row,) = reading.execute(_SELECT_HEAD)
    said = _state_from_row(row)
    found = LedgerState(
        *last_entry(reading), read_cap(reading), sum_accounts(reading), said.stop_reason
    )
    return None if said == found else "its balances were changed"


@lru_cache(maxsize=256)
def _to_psycopg_sql(text: str) -> bytes:
    """Return a statement with psycopg's placeholders; a text would have to be a literal one."""
    return text.replace("?", "%s").encode()


def _ledger_error(location: PostgresLocation, error: psycopg.Error) -> LedgerError:
    said = [*str(error).strip().splitlines(), type(error).__name__][0]
    if "no password supplied" in said:
        said += "; set it in PGPASSWORD or ~/.pgpass"
    return LedgerError(f"ledger {location}: {put_on_one_line(said)}")
