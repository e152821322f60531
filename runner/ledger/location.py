"""Places of ledgers: a file in the run's folder, or a PostgreSQL database that many share."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from runner.errors import LedgerError
from runner.ledger import sqlite as store
from runner.ledger.schema import Database

if TYPE_CHECKING:
    from runner.ledger.ledger import Store

FILE, ADDRESS = "ledger.sqlite", "ledger.url"  # in a run's folder, one or the other
_SCHEMES = {"postgresql", "postgres"}
_HOST = re.compile(r"(\[[^]]*\]|[^:\[\]]*)(:\d*)?")


@dataclass(frozen=True, slots=True)
class Shared:
    """A ledger in a PostgreSQL database; each plan has a schema of its own there.

    Attributes:
        url: `postgresql://user:password@host:port/database`.
        plan: the plan's digest.
    """

    url: str = field(repr=False)
    plan: str

    @property
    def schema(self) -> str:
        """The plan's schema."""
        return f"afcost_{self.plan[:16]}"

    def exists(self) -> bool:
        """Say whether the plan has a ledger there.

        Raises:
            LedgerError: the database cannot be reached.
        """
        return bool(_postgres().exists(self))

    def __str__(self) -> str:
        """Give the address without its password."""
        return without_password(self.url)


Place = Path | Shared


def without_password(url: str) -> str:
    """Give a database's address as it may be shown and stored."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    named = [(k, v) for k, v in parse_qsl(parts.query) if "password" not in k]
    shown = f"{user.partition(':')[0]}{at}{host}", parts.path, urlencode(named, safe="/"), ""
    return urlunsplit((parts.scheme, *shown))


def place_of(folder: Path, plan: str, url: str | None = None) -> Place:
    """Find the ledger of a run's folder.

    Args:
        folder: of the run; it need not be there yet.
        plan: the plan's digest.
        url: where the user says it is.

    Raises:
        LedgerError: the address is not one of a PostgreSQL database, or another than before.
    """
    kept = _kept(folder / ADDRESS)
    if url is None:
        return Shared(kept, plan) if kept else folder / FILE
    if not _is_address(url):
        raise LedgerError(
            "--ledger: expected postgresql://USER@HOST:PORT/DATABASE; "
            "in a password, @ is written %40, / %2F, # %23, ? %3F"
        )
    if (folder / FILE).exists():
        raise LedgerError(f"--ledger: this run's ledger is {folder / FILE}; leave --ledger out")
    if kept and kept != without_password(url):
        raise LedgerError(f"--ledger: this run's ledger is at {kept}")
    return Shared(url, plan)


def keep(place: Place, folder: Path) -> None:
    """Note in a run's folder where its ledger is, if it is not there; never a password."""
    if isinstance(place, Shared):
        (folder / ADDRESS).write_text(f"{place}\n", encoding="utf-8")


def _is_address(url: str) -> bool:
    """Say whether it can be read as an address; what cannot may show its password anywhere."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    hosts = parts.netloc.rpartition("@")[2].split(",")
    if parts.fragment or "@" in parts.path or not all(map(_HOST.fullmatch, hosts)):
        return False
    return parts.scheme in _SCHEMES and bool(parts.path.strip("/"))


def _kept(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def open_store(place: Place) -> AbstractContextManager[Store]:
    """Open a ledger's place for writing, making it where there is none.

    Raises:
        LedgerBusy: another process has it open, and it is not one that can be shared.
        LedgerError: it cannot be read or written, or is damaged.
    """
    return store.open_file(place) if isinstance(place, Path) else _postgres().open_shared(place)


def read_ledger(place: Place) -> AbstractContextManager[Database]:
    """Open a ledger for reading, as it is at this moment, also while others write to it.

    Raises:
        LedgerError: there is none, or it is damaged.
    """
    return store.read_file(place) if isinstance(place, Path) else _postgres().read_shared(place)


def is_running(place: Place) -> bool:
    """Say whether a process executes a ledger's plan now."""
    return store.is_open(place) if isinstance(place, Path) else _postgres().is_running(place)


def _postgres() -> ModuleType:
    """Give the module that needs psycopg, which is an extra."""
    from runner.ledger import postgres  # noqa: PLC0415

    return postgres
