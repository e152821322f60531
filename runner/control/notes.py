"""Notes beside a ledger: small JSON objects that processes leave for each other.

For a ledger file they are files in its folder; for a shared ledger, rows of a table in its schema.
They say nothing about money: without them a run goes on, and its ledger says what was spent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from estimator.atomic_write import write_atomically
from estimator.json_files import read_json_file
from estimator.safe_text import dump_json
from runner.errors import LedgerError
from runner.ledger import Database, FileLocation, Location, open_shared_tables

_MAX_BYTES = 1 << 20
_CREATE = "CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
_FIND = "SELECT to_regclass('note')"
_WRITE = "INSERT INTO note VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_READ = "SELECT value FROM note WHERE name = ?"
_READ_ALL = "SELECT name, value FROM note WHERE starts_with(name, ?) ORDER BY name"
_REMOVE = "DELETE FROM note WHERE name = ?"

Note = dict[str, Any]


class Notes(Protocol):
    """The notes beside a ledger. Open them with `open_notes`."""

    def read(self, name: str) -> Note:
        """Return a note; an empty one where there is none, or where it was damaged.

        Raises:
            LedgerError: it cannot be read now.
        """
        ...

    def write(self, name: str, note: Note) -> None:
        """Write a note whole, in place of the one before."""
        ...

    def read_all(self, prefix: str) -> dict[str, Note]:
        """Return the notes whose names begin so, by the rest of their names."""
        ...

    def remove(self, name: str) -> None:
        """Remove a note, if it is there."""
        ...


@contextmanager
def open_notes(location: Location) -> Iterator[Notes]:
    """Open the notes beside a ledger.

    Raises:
        LedgerError: the database of a shared one cannot be reached.
    """
    if isinstance(location, FileLocation):
        yield _FileNotes(location.path.parent)
        return
    with open_shared_tables(location) as database:
        if database.execute(_FIND).fetchone() in (None, (None,)):
            with suppress(LedgerError):  # another process made it just now
                database.execute(_CREATE)
        yield _TableNotes(database)


@dataclass(frozen=True, slots=True)
class _FileNotes:
    folder: Path

    def read(self, name: str) -> Note:
        path = self.folder / f"{name}.json"
        try:
            note = read_json_file(path, _MAX_BYTES)
        except (FileNotFoundError, ValueError):
            return {}
        except OSError as error:  # it may say that the run is paused
            raise LedgerError(f"cannot read {path}: {error.strerror}") from error
        return note if isinstance(note, dict) else {}

    def write(self, name: str, note: Note) -> None:
        write_atomically(self.folder / f"{name}.json", dump_json(note) + "\n")

    def read_all(self, prefix: str) -> dict[str, Note]:
        names = sorted(path.stem for path in self.folder.glob(f"{prefix}*.json"))
        return {name.removeprefix(prefix): self.read(name) for name in names}

    def remove(self, name: str) -> None:
        (self.folder / f"{name}.json").unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _TableNotes:
    database: Database

    def read(self, name: str) -> Note:
        rows = self.database.execute(_READ, (name,)).fetchall()
        return _parse(rows[0][0]) if rows else {}

    def write(self, name: str, note: Note) -> None:
        self.database.execute(_WRITE, (name, dump_json(note)))

    def read_all(self, prefix: str) -> dict[str, Note]:
        rows = self.database.execute(_READ_ALL, (prefix,)).fetchall()
        return {str(name).removeprefix(prefix): _parse(value) for name, value in rows}

    def remove(self, name: str) -> None:
        self.database.execute(_REMOVE, (name,))


def _parse(text: str) -> Note:
    try:
        note = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return note if isinstance(note, dict) else {}
