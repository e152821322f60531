"""A ledger in PostgreSQL, shared by many processes on many machines.

Each study has a schema of its own with the ledger's tables and three more: `head`, one row that
says where the ledger stands and is locked by every transaction, so that they follow one another;
`job`, the queue of work; `worker`, who is at it (`job_table`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from runner.errors import LedgerError
from runner.ledger.hash_chain import (
    GENESIS_HASH,
    find_tampering,
    find_wrong_key,
    last_entry,
    new_identity,
)
from runner.ledger.location import PostgresLocation
from runner.ledger.schema import (
    ACCOUNTS,
    CREATE_IDENTITY,
    CREATE_TABLES,
    SCHEMA_VERSION,
    UNNAMED_VERSION,
    LedgerState,
    QueryResult,
    Row,
    read_cap,
    sum_accounts,
)

try:
    import psycopg
    from psycopg import sql
    from psycopg.rows import TupleRow
    from psycopg.types.numeric import IntLoader
except ImportError as missing:
    raise LedgerError(
        "a PostgreSQL ledger needs psycopg; install it:  pip install 'afcost[postgres]'"
    ) from missing

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
_MAX_LOCK_SECONDS = 15  # seconds that a process may keep the ledger's lock
# The version of PostgreSQL from which a whole transaction has a timeout, not only an idle one.
_TIMEOUT_SUPPORTED_FROM = 17_00_00
_CREATE_SCHEMA_LOCK = 7218153  # the advisory lock held while a schema is created


class PostgresStore:
    """A shared ledger, open for writing. Make one with `open_postgres`.

    Attributes:
        worker: whose transactions these are; one whose lease expired is told so.
    """

    is_shared = True
    error: type[Exception] = psycopg.Error

    def __init__(
        self, connection: psycopg.Connection[TupleRow], worker: str, key: bytes = b""
    ) -> None:
        self.worker = worker
        self.key = key
        self._db = connection
        self._pipeline = ExitStack()

    def read_state(self) -> LedgerState:
        """Return the ledger's current state."""
        (row,) = self.execute(_SELECT_HEAD)
        return _state_from_row(row)

    def execute(self, sql: str, values: Sequence[object] = (), /) -> QueryResult:
        """Run a statement."""
        return self._db.execute(_to_psycopg_sql(sql), values or None)

    def begin(self, *, durable: bool) -> LedgerState:
        """Begin a transaction, once no other is in progress.

        Args:
            durable: it survives a power cut; one that is not is durable with the next that is.
        """
        # What gives no rows is sent without waiting for the last answer.
        pipeline = self._pipeline.enter_context(self._db.pipeline())
        self._db.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        self._db.execute(f"SET LOCAL synchronous_commit = {'on' if durable else 'off'}")
        (row,) = self.execute(f"{_SELECT_HEAD} FOR UPDATE")
        head = _state_from_row(row)
        # Asked after the lock was had: what others did while this waited for it must be seen.
        ended = self.execute("SELECT ended FROM worker WHERE id = ?", (self.worker,)).fetchone()
        head.evicted = bool(ended and ended[0])
        if self._db.info.server_version >= _TIMEOUT_SUPPORTED_FROM:
            self._db.execute(f"SET LOCAL transaction_timeout = '{_MAX_LOCK_SECONDS}s'")
        pipeline.sync()  # the server counts from now on how long it waits for this process
        return head

    def commit(self, state: LedgerState) -> None:
        """Commit the transaction; `state` is the ledger's new state."""
        sums = [state.sums[account] for account in ACCOUNTS]
        self.execute(
            _UPDATE_HEAD, (state.seq, state.last_hash, state.cap, *sums, state.stop_reason)
        )
        self._db.execute("COMMIT")
        self._pipeline.close()

    def rollback(self) -> None:
        """Roll back the transaction, if one is open; a lost connection rolls back by itself."""
        with suppress(psycopg.Error):
            self._pipeline.close()
        if not self._db.closed and not self._db.broken:
            self._db.execute("ROLLBACK")


@contextmanager
def open_postgres(
    location: PostgresLocation, worker: str, key: bytes = b""
) -> Iterator[PostgresStore]:
    """Open a shared ledger for writing; create it if there is none.

    Args:
        location: where it is.
        worker: the name under which this process writes.
        key: of the chain; empty where it has none.

    Raises:
        LedgerError: it cannot be reached or made, or was changed.
    """
    with _open_connection(location) as connection:
        try:
            _create_schema(connection, location.schema, key)
        except psycopg.Error as error:
            raise _ledger_error(location, error) from error
        with read_postgres(location) as reading:
            if changed := find_tampering(reading, key) or _find_head_mismatch(reading):
                raise LedgerError(f"ledger {location}: {changed}; nothing was sent")
        yield PostgresStore(connection, worker, key)


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
        yield _JobConnection(connection)


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
        connection = psycopg.connect(
            location.url,
            autocommit=True,
            connect_timeout=10,
            application_name="afcost",
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=20_000,
        )
    except psycopg.Error as error:
        raise _ledger_error(location, error) from error
    try:
        connection.adapters.register_loader("numeric", IntLoader)  # sums of integers
        schema = sql.Identifier(location.schema)
        connection.execute(sql.SQL("SET search_path TO {}").format(schema))
        # A process that is suspended while it holds the ledger's lock must not stop all others.
        connection.execute(f"SET idle_in_transaction_session_timeout = '{_MAX_LOCK_SECONDS}s'")
        yield connection
    finally:
        connection.close()


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

    def __init__(self, connection: psycopg.Connection[TupleRow]) -> None:
        self._db = connection

    def execute(self, sql: str, values: Sequence[object] = (), /) -> QueryResult:
        """Run a statement in a transaction of its own."""
        try:
            return self._db.execute(_to_psycopg_sql(sql), values or None)
        except psycopg.Error as error:
            raise LedgerError(f"the job queue could not be read or written: {error}") from error


def _create_schema(connection: psycopg.Connection[TupleRow], schema: str, key: bytes) -> None:
    """Create a study's schema once, whichever worker comes first; bring an older one up to date."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_CREATE_SCHEMA_LOCK,))
        there = connection.execute("SELECT to_regclass('head')").fetchone()
        if there is None or there[0] is None:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
            connection.execute(CREATE_TABLES + _CREATE_POSTGRES_TABLES)
            start = (SCHEMA_VERSION, GENESIS_HASH)
            connection.execute("INSERT INTO head VALUES (%s, 0, %s, 0, 0, 0, 0, 0, '')", start)
            _give_identity(connection, key)
        version = connection.execute("SELECT version FROM head").fetchone()
        if version == (UNNAMED_VERSION,) and not find_wrong_key(keyed=False, key=key):
            connection.execute(_NAME_APPROVALS)
            cap = read_cap(_JobConnection(connection))  # in order of arrival, no longer of time
            connection.execute("UPDATE head SET version = %s, cap = %s", (SCHEMA_VERSION, cap))
            _give_identity(connection, b"")
        elif version is None or version[0] not in (UNNAMED_VERSION, SCHEMA_VERSION):
            found = version and version[0]
            raise LedgerError(
                f"ledger {schema} has version {found}; this afcost supports {SCHEMA_VERSION}"
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


def _to_psycopg_sql(text: str) -> bytes:
    """Return a statement with psycopg's placeholders; a text would have to be a literal one."""
    return text.replace("?", "%s").encode()


def _ledger_error(location: PostgresLocation, error: psycopg.Error) -> LedgerError:
    said = [*str(error).strip().splitlines(), type(error).__name__][0]
    if "no password supplied" in said:
        said += "; set it in PGPASSWORD or ~/.pgpass"
    return LedgerError(f"ledger {location}: {said}")
