"""A ledger in PostgreSQL, which many processes on many machines share.

Each plan has a schema of its own with the ledger's tables and three more: `head`, one row that says
where the ledger stands and is locked by every transaction, so that all of them are one after the
other; `job`, the queue of work; `worker`, who is at it (`runner.crew`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from runner.errors import LedgerError
from runner.ledger.hash_chain import START, flaw, tip
from runner.ledger.location import PostgresLocation
from runner.ledger.schema import ACCOUNTS, TABLES, VERSION, Head, Rows, cap, sums

try:
    import psycopg
    from psycopg import sql
    from psycopg.types.numeric import IntLoader
except ImportError as missing:
    raise LedgerError(
        "a PostgreSQL ledger needs psycopg; install it:  pip install 'afcost[postgres]'"
    ) from missing

_OWN = """
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
_HEAD = "SELECT seq, tip, cap, aside, reserved, settled, held, halt FROM head"
_MOVE = (
    "UPDATE head SET seq = ?, tip = ?, cap = ?, aside = ?, reserved = ?, settled = ?, held = ?, "
    "halt = ?"
)
_LONGEST = 15  # seconds that a process may keep the ledger's lock
_LIMITED = 17_00_00  # the version of PostgreSQL from which all of them count, not only idle ones
_MAKING = 7218153  # the advisory lock of whoever makes a schema


class PostgresStore:
    """A shared ledger, open for writing. Make one with `open_shared`.

    Attributes:
        worker: whose transactions these are; one that others took for dead is told so.
    """

    shared = True
    error: type[Exception] = psycopg.Error

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._db = connection
        self.worker = ""
        self._pipeline = ExitStack()

    def head(self) -> Head:
        """Say where the ledger stands."""
        return _head(self.execute(_HEAD).fetchone())

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        """Run a statement."""
        return self._db.execute(marked(sql), values or None)

    def begin(self, *, durable: bool) -> Head:
        """Begin a transaction, once no other is under way.

        Args:
            durable: it survives a power cut; one that is not is durable with the next that is.
        """
        # What gives no rows is sent without waiting for the last answer.
        pipeline = self._pipeline.enter_context(self._db.pipeline())
        self._db.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
        self._db.execute(f"SET LOCAL synchronous_commit = {'on' if durable else 'off'}")
        head = _head(self.execute(f"{_HEAD} FOR UPDATE").fetchone())
        # Asked after the lock was had: what others did while this waited for it must be seen.
        ended = self.execute("SELECT ended FROM worker WHERE id = ?", (self.worker,)).fetchone()
        head.lost = bool(ended and ended[0])
        if self._db.info.server_version >= _LIMITED:
            self._db.execute(f"SET LOCAL transaction_timeout = '{_LONGEST}s'")
        pipeline.sync()  # the server counts from now on how long it waits for this process
        return head

    def commit(self, head: Head) -> None:
        """End the transaction; the ledger stands at `head` now."""
        sums = [head.sums[account] for account in ACCOUNTS]
        self.execute(_MOVE, (head.seq, head.tip, head.cap, *sums, head.halt))
        self._db.execute("COMMIT")
        self._pipeline.close()

    def rollback(self) -> None:
        """Undo the transaction, if one is open; without a connection it undoes itself."""
        with suppress(psycopg.Error):
            self._pipeline.close()
        if not self._db.closed and not self._db.broken:
            self._db.execute("ROLLBACK")


@contextmanager
def open_shared(location: PostgresLocation) -> Iterator[PostgresStore]:
    """Open a shared ledger for writing, making it where there is none.

    Raises:
        LedgerError: it cannot be reached or made, or was changed.
    """
    with connected(location) as connection:
        try:
            _make(connection, location.schema)
        except psycopg.Error as error:
            raise _failed(location, error) from error
        with read_shared(location) as reading:
            if changed := flaw(reading) or _astray(reading):
                raise LedgerError(f"ledger {location}: {changed}; nothing was sent")
        yield PostgresStore(connection)


@contextmanager
def read_shared(location: PostgresLocation) -> Iterator[_Reading]:
    """Open a shared ledger for reading, as it is at this moment.

    Raises:
        LedgerError: there is none, or it cannot be reached.
    """
    with connected(location) as connection:
        try:
            connection.execute("SET idle_in_transaction_session_timeout = 0")  # it locks nothing
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            with ExitStack() as cursors:
                yield _Reading(connection, cursors)
        except psycopg.Error as error:
            raise _failed(location, error) from error


def exists(location: PostgresLocation) -> bool:
    """Say whether a plan has a ledger in a database."""
    with connected(location) as connection:
        row = connection.execute("SELECT to_regclass('head')").fetchone()
    return row is not None and row[0] is not None


def is_running(location: PostgresLocation) -> bool:
    """Say whether any worker reported lately."""
    query = "SELECT COUNT(*) FROM worker WHERE NOT ended AND until > now()"
    with read_shared(location) as reading:
        return bool(reading.execute(query).fetchone()[0])


@contextmanager
def connected(location: PostgresLocation) -> Iterator[psycopg.Connection[Any]]:
    """Connect to a shared ledger's database; every statement is a transaction of its own."""
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
        raise _failed(location, error) from error
    try:
        connection.adapters.register_loader("numeric", IntLoader)  # sums of integers
        schema = sql.Identifier(location.schema)
        connection.execute(sql.SQL("SET search_path TO {}").format(schema))
        # Whoever is suspended while it holds the ledger's lock must not stop all others.
        connection.execute(f"SET idle_in_transaction_session_timeout = '{_LONGEST}s'")
        yield connection
    finally:
        connection.close()


class _Reading:
    """A ledger open for reading: rows come as they are asked for, not all at once."""

    def __init__(self, connection: psycopg.Connection[Any], cursors: ExitStack) -> None:
        self._db = connection
        self._cursors = cursors
        self._queries = 0

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Rows:
        """Run a query."""
        self._queries += 1
        named = self._db.cursor(name=f"query{self._queries}", row_factory=_rows)
        cursor = self._cursors.enter_context(named)
        return cursor.execute(marked(sql), values or None)


class Row(tuple[Any, ...]):
    """A row that is read by position or, like SQLite's, by name; of equal names the first."""

    __slots__ = ()
    names: dict[str, int]

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - a position, or a name
        """Give a column."""
        return super().__getitem__(self.names[key] if isinstance(key, str) else key)

    def keys(self) -> list[str]:
        """Give the columns' names."""
        return list(self.names)


def _rows(cursor: psycopg.Cursor[Any]) -> Any:  # noqa: ANN401 - as psycopg has it
    names: dict[str, int] = {}
    for position, column in enumerate(cursor.description or ()):
        names.setdefault(column.name, position)
    return type("Row", (Row,), {"__slots__": (), "names": names})


def _make(connection: psycopg.Connection[Any], schema: str) -> None:
    """Make a plan's schema, once, whoever comes first."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MAKING,))
        there = connection.execute("SELECT to_regclass('head')").fetchone()
        if there is None or there[0] is None:
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
            connection.execute(TABLES + _OWN)
            start = (VERSION, START)
            connection.execute("INSERT INTO head VALUES (%s, 0, %s, 0, 0, 0, 0, 0, '')", start)
        version = connection.execute("SELECT version FROM head").fetchone()
        if version is None or version[0] != VERSION:
            found = version and version[0]
            raise LedgerError(
                f"ledger {schema} has version {found}; this afcost supports {VERSION}"
            )


def _head(row: Any) -> Head:  # noqa: ANN401 - a row
    seq, tip, cap, *sums, halt = row
    return Head(seq, tip, cap, dict(zip(ACCOUNTS, sums, strict=True)), halt)


def _astray(reading: _Reading) -> str | None:
    """Say whether the head, by which money is given, is not what the entries come to."""
    said = _head(reading.execute(_HEAD).fetchone())
    found = Head(*tip(reading), cap(reading), sums(reading), said.halt)
    return None if said == found else "its balances were changed"


def marked(text: str) -> Any:  # noqa: ANN401 - psycopg wants literal strings
    """Write a statement's marks of values as psycopg has them."""
    return text.replace("?", "%s")


def _failed(location: PostgresLocation, error: psycopg.Error) -> LedgerError:
    said = [*str(error).strip().splitlines(), type(error).__name__][0]
    if "no password supplied" in said:
        said += "; set it in PGPASSWORD or ~/.pgpass"
    return LedgerError(f"ledger {location}: {said}")
