"""The cache of counts: what was counted before is looked up, by content and tokenizer.

One SQLite file, which may be removed at any time. Each entry carries a checksum, and the file says
that it is ours and of which version; a damaged or foreign one is put aside and made anew. A cache
that cannot be used, because it is locked or its folder cannot be written, is done without.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from estimator.user_dirs import cache_folder

_APPLICATION = 0x41464354  # "AFCT"
_VERSION = 1
_SCHEMA = f"""
PRAGMA application_id = {_APPLICATION};
PRAGMA user_version = {_VERSION};
CREATE TABLE IF NOT EXISTS count (key BLOB PRIMARY KEY, tokens INTEGER, sum INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS document (key BLOB PRIMARY KEY, text TEXT, sum INTEGER) WITHOUT ROWID;
"""
_SHORTEST = 4096  # characters; a shorter text is counted faster than it is looked up
_UNWRITTEN = 5000
_PATIENCE = 5  # seconds, for another process that makes the file


class Cache:
    """Counts by key, and documents by key.

    Args:
        path: the file; made if need be.

    Attributes:
        trouble: what was wrong with the file, for a person; empty if nothing was.
        distrusted: texts that can be counted here are, whatever was counted before.
    """

    def __init__(self, path: Path) -> None:
        self.trouble = ""
        self.distrusted = False
        self._path = path
        self._new: dict[bytes, int] = {}
        self._connection: sqlite3.Connection | None = None
        self._connection = self._open()

    def count(self, key: bytes) -> int | None:
        """Give the tokens kept under a key, or None."""
        if key in self._new:
            return self._new[key]
        for tokens, checksum in self._rows("SELECT tokens, sum FROM count WHERE key = ?", key):
            if checksum == _checksum(key, str(tokens)):
                return int(tokens)
        return None

    def keep_count(self, key: bytes, tokens: int) -> None:
        """Keep a count; it is written with others, and at the latest by `flush`."""
        self._new[key] = tokens
        if len(self._new) >= _UNWRITTEN:
            self.flush()

    def document(self, key: bytes) -> str | None:
        """Give the document kept under a key, or None."""
        for text, checksum in self._rows("SELECT text, sum FROM document WHERE key = ?", key):
            if checksum == _checksum(key, str(text)):
                return str(text)
        return None

    def keep_document(self, key: bytes, text: str) -> None:
        """Keep a document."""
        self._write("document", [(key, text, _checksum(key, text))])

    def flush(self) -> None:
        """Write the counts that are not written yet; what cannot be is known until the end."""
        if self._connection is not None:
            rows = [(k, n, _checksum(k, str(n))) for k, n in self._new.items()]
            if self._write("count", rows):
                self._new.clear()

    def size(self) -> tuple[int, int]:
        """Give how many counts and documents there are."""
        counts = [int(n) for (n,) in self._rows("SELECT count(*) FROM count")]
        documents = [int(n) for (n,) in self._rows("SELECT count(*) FROM document")]
        return sum(counts), sum(documents)

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        with self._failing_softly() as connection:
            if connection is not None:
                rows = connection.execute(query, values).fetchall()
        return rows

    def _write(self, table: str, rows: Iterable[tuple[object, ...]]) -> bool:
        with self._failing_softly() as connection:
            if connection is not None:
                with connection:
                    insert = f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)"  # noqa: S608 - ours
                    connection.executemany(insert, rows)
                return True
        return False

    @contextmanager
    def _failing_softly(self) -> Iterator[sqlite3.Connection | None]:
        """Go on without the cache where it fails; where it is damaged, make it anew."""
        try:
            yield self._connection
        except sqlite3.OperationalError as error:
            self.trouble = f"{self._path}: {error}; counts are not cached"
            self._connection = None
        except sqlite3.DatabaseError as error:
            self._connection = self._anew(str(error))

    def _open(self) -> sqlite3.Connection | None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with FileLock(self._path.with_name(self._path.name + ".lock"), timeout=_PATIENCE):
                return self._connected()
        except (sqlite3.OperationalError, OSError) as error:
            self.trouble = f"{self._path}: {error}; counts are not cached"
        except (sqlite3.DatabaseError, _ForeignError) as error:
            return self._anew(str(error))
        return None

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=1)
        connection.text_factory = _text
        try:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if tables and (application, version) != (_APPLICATION, _VERSION):
                raise _ForeignError("not a cache of this version of afcost")  # noqa: TRY301
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")  # it can always be made again
            connection.executescript(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection

    def _anew(self, reason: str) -> sqlite3.Connection | None:
        """Put a damaged or foreign file aside and start an empty one."""
        aside = self._path.with_name(self._path.name + ".damaged")
        self.trouble = f"{self._path}: {reason}; moved to {aside.name} and recreated"
        try:
            if self._connection is not None:
                self._connection.close()  # or it would remove the new file's journal in the end
            self._path.replace(aside)
            for journal in ("-wal", "-shm"):
                self._path.with_name(self._path.name + journal).unlink(missing_ok=True)
            return self._connected()
        except (OSError, sqlite3.Error, _ForeignError) as error:
            self.trouble = f"{self._path}: {error}; counts are not cached"
            return None


class _ForeignError(Exception):
    """The file is not ours, or not of this version."""


@cache
def counts() -> Cache:
    """Give the user's cache, opened once."""
    return Cache(cache_folder() / "counts.sqlite")


def key_of(*parts: str) -> bytes:
    """Give the key for what is named by several texts."""
    digest = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()


def remembered(encoder: Callable[[str], int], identity: str) -> Callable[[str], int]:
    """Let long texts be looked up before they are counted.

    Args:
        encoder: counts a text.
        identity: names the tokenizer and its version.
    """

    def counted(text: str) -> int:
        if len(text) < _SHORTEST:
            return encoder(text)
        key = key_of(identity, text)
        known = None if counts().distrusted else counts().count(key)
        if known is None:
            known = encoder(text)
            counts().keep_count(key, known)
        return known

    return counted


def _text(data: bytes) -> str:
    """Read a damaged text as what it is: its checksum will not fit."""
    return data.decode("utf-8", "replace")


def _checksum(key: bytes, value: str) -> int:
    return zlib.crc32(key + value.encode("utf-8", "surrogatepass"))


def flush() -> None:
    """Write what is not written yet, if a cache is open."""
    if counts.cache_info().currsize:
        with suppress(sqlite3.Error):
            counts().flush()
