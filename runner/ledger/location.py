"""Ledger locations: a file in the run folder, or a shared PostgreSQL database."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from estimator.atomic_write import write_atomically
from experiment.errors import RefusedFile
from experiment.file_access import read_user_file
from runner.database_address import remember_passwords, without_password
from runner.errors import LedgerError

LEDGER_FILE, LEDGER_URL_FILE = "ledger.sqlite", "ledger.url"  # in a run's folder, one or the other
_SCHEMES = {"postgresql", "postgres"}
_HOST_AND_PORT = re.compile(r"(\[[^]]*\]|[^:\[\]]*)(:\d*)?")
_MAX_URL = 64 << 10  # bytes
_LONGEST_SCHEMA = 63  # bytes of a name in PostgreSQL


@dataclass(frozen=True, slots=True)
class FileLocation:
    """A ledger in an SQLite file, which one process at a time writes to."""

    path: Path
    is_shared: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """The file's absolute path, by which an approval is bound to it."""
        return str(self.path.resolve())

    def __str__(self) -> str:
        """Return the path as the user wrote it."""
        return str(self.path)


@dataclass(frozen=True, slots=True)
class PostgresLocation:
    """A ledger in a PostgreSQL database; each study has a schema of its own there.

    Attributes:
        url: `postgresql://user:password@host:port/database`.
        study: the study's name.
    """

    url: str = field(repr=False)
    study: str
    is_shared: ClassVar[bool] = True

    @property
    def schema(self) -> str:
        """The study's schema; a name that is too long for PostgreSQL ends in its digest."""
        schema = f"afcost_{self.study}"
        if len(schema) <= _LONGEST_SCHEMA:
            return schema
        return f"{schema[:46]}_{hashlib.sha256(schema.encode()).hexdigest()[:16]}"

    @property
    def name(self) -> str:
        """The address without its secrets, by which an approval is bound to it."""
        return without_password(self.url)

    def __str__(self) -> str:
        """Return the address without its secrets."""
        return self.name


Location = FileLocation | PostgresLocation


def locate_ledger(folder: Path, study: str, url: str | None = None) -> Location:
    """Find the ledger of a run's folder.

    Args:
        folder: of the run; it need not be there yet.
        study: the study's name.
        url: where the user says it is.

    Raises:
        LedgerError: the address is not one of a PostgreSQL database, or another than before.
    """
    kept = without_password(_remembered_url(folder / LEDGER_URL_FILE))
    if url is None:
        return PostgresLocation(kept, study) if kept else FileLocation(folder / LEDGER_FILE)
    if not _is_valid_url(url):
        raise LedgerError(
            "--ledger: expected postgresql://USER@HOST:PORT/DATABASE; "
            "in a password, write @ as %40, / as %2F, # as %23, ? as %3F"
        )
    remember_passwords(url)
    if (folder / LEDGER_FILE).exists():
        raise LedgerError(f"--ledger: this run's ledger is {folder / LEDGER_FILE}; remove --ledger")
    if kept and kept != without_password(url):
        raise LedgerError(f"--ledger: this run's ledger is at {kept}")
    return PostgresLocation(url, study)


def remember_location(location: Location, folder: Path) -> None:
    """Note in a run's folder where its ledger is, if it is not there; never a secret."""
    if location.is_shared:
        write_atomically(folder / LEDGER_URL_FILE, f"{location}\n")


def _is_valid_url(url: str) -> bool:
    """Return whether the URL can be parsed safely; a malformed one could expose its password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if parts.fragment or "@" in parts.path or not all(map(_HOST_AND_PORT.fullmatch, hosts)):
        return False
    return parts.scheme in _SCHEMES and bool(parts.path.strip("/"))


def _remembered_url(path: Path) -> str:
    try:
        return read_user_file(path, _MAX_URL).decode().strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except (OSError, ValueError, RefusedFile) as error:
        raise LedgerError(f"cannot read where the ledger is, {path}: {error}") from error
