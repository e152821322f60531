"""Opening a ledger, wherever it is; the only module that knows both stores."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from runner.ledger import sqlite
from runner.ledger.job_table import JobTable
from runner.ledger.ledger import Ledger
from runner.ledger.location import FileLocation, Location, PostgresLocation
from runner.ledger.reader import LedgerReader
from runner.ledger.schema import Database, Store
from runner.ledger.spool import AnswerSpool, settle_spooled


@contextmanager
def open_ledger(location: Location, folder: Path | None = None) -> Iterator[Ledger]:
    """Open a ledger for writing; create it if there is none.

    Answers that an earlier process could not write to it are settled.

    Args:
        location: where it is.
        folder: of the run; None takes the ledger's own.

    Raises:
        LedgerBusy: another process has it open, and it is not one that can be shared.
        LedgerError: it cannot be read or written, or is damaged.
    """
    if folder is None and isinstance(location, FileLocation):
        folder = location.path.parent
    with _open_store(location, worker=secrets.token_hex(8)) as store:
        ledger = Ledger(store, AnswerSpool(folder) if folder else None)
        settle_spooled(ledger)
        yield ledger


@contextmanager
def read_ledger(location: Location) -> Iterator[LedgerReader]:
    """Open a ledger for reading, as it is at this moment, also while others write to it.

    Raises:
        LedgerError: there is none, or it is damaged.
    """
    with _open_database(location) as database:
        yield LedgerReader(database)


@contextmanager
def open_job_table(location: PostgresLocation, ledger: Ledger, lease: float) -> Iterator[JobTable]:
    """Open the jobs of a shared ledger.

    Args:
        location: of the ledger.
        ledger: open for writing.
        lease: seconds without a report after which a worker is taken for dead.

    Raises:
        LedgerError: the database cannot be reached.
    """
    from runner.ledger import postgres

    with postgres.connect_job_table(location) as database:
        yield JobTable(database, ledger, lease)


def ledger_exists(location: Location) -> bool:
    """Return whether there is a ledger.

    Raises:
        LedgerError: the database cannot be reached.
    """
    if isinstance(location, FileLocation):
        return location.path.exists()
    from runner.ledger import postgres

    return postgres.schema_exists(location)


def is_running(location: Location) -> bool:
    """Return whether a process executes a plan against a ledger now."""
    if isinstance(location, FileLocation):
        return sqlite.is_open_for_writing(location.path)
    from runner.ledger import postgres

    return postgres.has_live_workers(location)


def _open_store(location: Location, worker: str) -> AbstractContextManager[Store]:
    if isinstance(location, FileLocation):
        return sqlite.open_sqlite(location.path, worker)
    from runner.ledger import postgres

    return postgres.open_postgres(location, worker)


def _open_database(location: Location) -> AbstractContextManager[Database]:
    if isinstance(location, FileLocation):
        return sqlite.read_sqlite(location.path)
    from runner.ledger import postgres

    return postgres.read_postgres(location)
