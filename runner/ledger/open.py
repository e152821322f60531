"""Opening a ledger, wherever it is; the only module that knows both stores."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, suppress
from pathlib import Path

from pricing.money import Money
from providers.secrets import remember_secret
from runner.approval import approval_path, read_approval_file
from runner.errors import LedgerBusy, LedgerError, NotApproved
from runner.ledger import sqlite
from runner.ledger.hash_chain import CheckedEntry, read_identity
from runner.ledger.job_table import JobTable
from runner.ledger.ledger import Ledger
from runner.ledger.location import FileLocation, Location, PostgresLocation
from runner.ledger.reading import FollowedFile, LedgerReader, ResumeQueries
from runner.ledger.schema import Database, Store
from runner.ledger.spool import AnswerSpool, settle_spooled
from runner.ledger.witness import Witness, refuse_older_copy
from runner.state import KnownLedger, MarkFile, Watermark, find_known_ledger


@contextmanager
def open_ledger(
    location: Location,
    folder: Path | None = None,
    *,
    worker: str = "",
    checked: CheckedEntry | None = None,
) -> Iterator[Ledger]:
    """Open a ledger for writing; create it if there is none.

    Answers that an earlier process could not write to it are settled.

    Args:
        location: where it is.
        folder: of the run; None takes the ledger's own.
        worker: the name under which this process writes; empty to draw one.
        checked: the entry up to which the chain of a shared one was checked by the process that
            started this one; None to check all of it.

    Raises:
        LedgerBusy: another process has it open, and it is not one that can be shared.
        RestoredLedger: it is an older copy of what was written before.
        LedgerError: it cannot be read or written, or is damaged.
    """
    if folder is None and isinstance(location, FileLocation):
        folder = location.path.parent
    with _open_store(location, worker, checked) as store:
        known = _identify(store, location)
        watermarks = known.watermarks()  # before the ledger, to which others may write
        refuse_older_copy(store, watermarks, str(location), _accept_command(location))
        with _witnessed(store, known, folder) as ledger:
            settle_spooled(ledger)
            yield ledger


def accept_restored_ledger(location: Location) -> Money:
    """Accept an older copy of a ledger, and hold what is missing from it.

    Returns:
        the amount that is held from now on.

    Raises:
        LedgerError: nothing is missing, or processes are running.
    """
    if location.is_shared and is_running(location):
        raise LedgerBusy(f"{location} is in use by running processes; wait until they end")
    with _open_store(location) as store:
        known = _identify(store, location)
        with _witnessed(store, known) as ledger:
            watermarks = [*known.watermarks(), *_approval_watermarks(known.identity)]
            lost = ledger.accept_restored(watermarks)
            known.forget_claims(ledger.witness.durable)
    return lost


@contextmanager
def _witnessed(store: Store, known: KnownLedger, folder: Path | None = None) -> Iterator[Ledger]:
    """Open a ledger with what keeps how far it has come, where that can be written."""
    with ExitStack() as stack:
        turn = known.new_turn() if store.is_shared else None
        mark: MarkFile | None = None
        with suppress(OSError):
            known.save()
            mark = stack.enter_context(known.open_mark(turn))
        witness = Witness(known, mark, store.read_state(), turn)
        yield Ledger(store, witness, AnswerSpool(folder) if folder else None)


def _identify(store: Store, location: Location) -> KnownLedger:
    """Return what is known of a ledger; a copy beside the original becomes another ledger."""
    identity, _ = read_identity(store)
    known = find_known_ledger(identity)
    if isinstance(store, sqlite.SqliteStore) and known.location not in ("", location.name):
        original = Path(known.location)
        if original.exists() and sqlite.read_sqlite_identity(original) == identity:
            identity = store.rename()
    study = location.study if isinstance(location, PostgresLocation) else ""
    return KnownLedger(identity, location.name, study)


def _approval_watermarks(identity: str) -> Iterator[Watermark]:
    """Yield the watermark in the approval that spends a ledger, where that is known here.

    A kill may fall between two places in which the same promise is kept.
    """
    plan_file = find_known_ledger(identity).plan_file
    with suppress(NotApproved):
        mark = read_approval_file(approval_path(Path(plan_file))).watermark if plan_file else None
        if mark is not None and mark.ledger == identity:
            yield mark


def _accept_command(location: Location) -> str:
    run = location.path.parent if isinstance(location, FileLocation) else "RUN"
    return f"afcost ledger {shlex.quote(str(run))} accept-restored"


def _read_key() -> bytes:
    """Return the key of the chains, which is never stored."""
    key = os.environ.get("AFCOST_LEDGER_KEY", "")
    remember_secret(key)
    return key.encode("utf-8", "surrogateescape")


@contextmanager
def read_ledger(location: Location, *, was_checked: bool = False) -> Iterator[LedgerReader]:
    """Open a ledger for reading, as it is at this moment, also while others write to it.

    Args:
        location: of the ledger.
        was_checked: whether this process has opened it before, and so knows that it holds only
            values of its columns' types: looking through all of them takes long in a long one.

    Raises:
        LedgerError: there is none, or it is damaged.
    """
    with _open_database(location, was_checked=was_checked) as database:
        yield LedgerReader(database, _read_key(), has_workers=location.is_shared)


@contextmanager
def follow_ledger(location: FileLocation) -> Iterator[ResumeQueries]:
    """Read a ledger that this process has open for writing; each query as of when it is made.

    Apart from `Ledger`, whose connection is in a transaction of another thread half of the time.
    """
    with closing(FollowedFile(location.path)) as database:
        yield ResumeQueries(database)


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


@contextmanager
def open_shared_tables(location: PostgresLocation) -> Iterator[Database]:
    """Open the schema of a shared ledger for tables beside its own; each statement is durable.

    Raises:
        LedgerError: the database cannot be reached.
    """
    from runner.ledger import postgres

    with postgres.connect_job_table(location) as database:
        yield database


def ledger_exists(location: Location) -> bool:
    """Return whether there is a ledger; a file without tables is none yet.

    Raises:
        LedgerError: the database cannot be reached.
    """
    if isinstance(location, FileLocation):
        return sqlite.sqlite_exists(location.path)
    from runner.ledger import postgres

    return postgres.schema_exists(location)


def check_ledger(location: Location) -> bool:
    """Check what opening a ledger for writing checks, and write nothing.

    Returns:
        whether there is a ledger that can be read.

    Raises:
        LedgerBusy: another process has it open, and it is not one that can be shared.
        RestoredLedger: it is an older copy of what was written before.
        LedgerError: it cannot be read or written, or is damaged.
    """
    if not ledger_exists(location):
        return False
    if isinstance(location, FileLocation) and not sqlite.check_sqlite(location.path, _read_key()):
        return False
    with read_ledger(location) as reader:
        if location.is_shared and (changed := reader.find_tampering()):
            raise LedgerError(f"ledger {location}: {changed}; nothing was sent")
        reader.refuse_older_copy(str(location), _accept_command(location))
    return True


def is_running(location: Location) -> bool:
    """Return whether a process executes a plan against a ledger now."""
    if isinstance(location, FileLocation):
        return sqlite.is_open_for_writing(location.path)
    from runner.ledger import postgres

    return postgres.has_live_workers(location)


def _open_store(
    location: Location, worker: str = "", checked: CheckedEntry | None = None
) -> AbstractContextManager[Store]:
    worker, key = worker or secrets.token_hex(8), _read_key()
    if isinstance(location, FileLocation):
        return sqlite.open_sqlite(location.path, worker, key)
    from runner.ledger import postgres

    return postgres.open_postgres(location, worker, key, checked)


def _open_database(location: Location, *, was_checked: bool) -> AbstractContextManager[Database]:
    if isinstance(location, FileLocation):
        return sqlite.read_sqlite(location.path, was_checked=was_checked)
    from runner.ledger import postgres

    return postgres.read_postgres(location)
