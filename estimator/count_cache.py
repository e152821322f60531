"""The count cache: token counts of earlier calls, looked up by text and tokenizer.

One SQLite file, which may be removed at any time. Each entry has a checksum, and the file's header
identifies it as ours and its version; a damaged or foreign file is moved aside and a new one
created. If the file cannot be used, because it is locked or its folder is read-only, counts are not
cached.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from estimator.atomic_write import make_private_folder
from estimator.user_dirs import cache_folder

_APPLICATION_ID = 0x41464354  # "AFCT"
_SCHEMA_VERSION = 1
_MARKS = f"""
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_SCHEMA_VERSION};
"""
_TABLES = """
CREATE TABLE IF NOT EXISTS count (key BLOB PRIMARY KEY, tokens INTEGER, sum INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS document (key BLOB PRIMARY KEY, text TEXT, sum INTEGER) WITHOUT ROWID;
"""
# Of SQLite's header: the journal's kind, twice, the user's version, the application.
_HEADER, _WAL = struct.Struct(">18xBB40xI4xI"), 2
_MIN_CACHED_CHARS = 16_384  # a shorter text is counted faster than it is looked up
_MAX_UNWRITTEN = 5000
_LOCK_TIMEOUT = 5  # seconds, while another process creates the file


class CountCache:
    """Token counts and documents, each stored under a key.

    Args:
        path: the file; created if missing.

    Attributes:
        problem: what is wrong with the file, as text for people; empty if nothing is.
        bypassed: stored counts of texts are ignored; see `bypass_cached_counts`.
    """

    def __init__(self, path: Path) -> None:
        self.problem = ""
        self.bypassed = False
        self._path = path
        self._new: dict[bytes, int] = {}
        self._connection: sqlite3.Connection | None = None
        self._connection = self._open_file()

    def get_count(self, key: bytes) -> int | None:
        """Return the token count stored under a key, or None."""
        if key in self._new:
            return self._new[key]
        for tokens, checksum in self._fetch_rows(
            "SELECT tokens, sum FROM count WHERE key = ?", key
        ):
            if checksum == _row_checksum(key, str(tokens)):
                return int(tokens)
        return None

    def put_count(self, key: bytes, tokens: int) -> None:
        """Store a count; it is written in batches, and at the latest by `flush`."""
        self._new[key] = tokens
        if len(self._new) >= _MAX_UNWRITTEN:
            self.flush()

    def get_document(self, key: bytes) -> str | None:
        """Return the document stored under a key, or None."""
        for text, checksum in self._fetch_rows("SELECT text, sum FROM document WHERE key = ?", key):
            if checksum == _row_checksum(key, str(text)):
                return str(text)
        return None

    def put_document(self, key: bytes, text: str) -> None:
        """Store a document."""
        self._insert_rows("document", [(key, text, _row_checksum(key, text))])

    def flush(self) -> None:
        """Write the counts not yet written; those that cannot be written stay in memory."""
        if self._connection is not None:
            rows = [(k, n, _row_checksum(k, str(n))) for k, n in self._new.items()]
            if self._insert_rows("count", rows):
                self._new.clear()

    def count_entries(self) -> tuple[int, int]:
        """Return how many counts and how many documents are stored."""
        counts = [int(n) for (n,) in self._fetch_rows("SELECT count(*) FROM count")]
        documents = [int(n) for (n,) in self._fetch_rows("SELECT count(*) FROM document")]
        return sum(counts), sum(documents)

    def _fetch_rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        with self._disable_on_failure() as connection:
            if connection is not None:
                rows = connection.execute(query, values).fetchall()
        return rows

    def _insert_rows(self, table: str, rows: Iterable[tuple[object, ...]]) -> bool:
        with self._disable_on_failure() as connection:
            if connection is not None:
                with connection:
                    insert = f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)"  # noqa: S608 - ours
                    connection.executemany(insert, rows)
                return True
        return False

    @contextmanager
    def _disable_on_failure(self) -> Iterator[sqlite3.Connection | None]:
        """Continue without the cache if it fails; replace the file if it is damaged."""
        try:
            yield self._connection
        except sqlite3.OperationalError as error:
            self.problem = f"{self._path}: {error}; counts are not cached"
            self._connection = None
        except sqlite3.DatabaseError as error:
            self._connection = self._replace_damaged(str(error))

    def _open_file(self) -> sqlite3.Connection | None:
        try:
            if self._is_made():
                return self._connect()
            from filelock import FileLock  # noqa: PLC0415 - takes a while, and is needed once

            make_private_folder(self._path.parent)
            lock = self._path.with_name(self._path.name + ".lock")
            with FileLock(lock, timeout=_LOCK_TIMEOUT, mode=0o600):
                return self._connect()
        except (sqlite3.OperationalError, OSError) as error:
            self.problem = f"{self._path}: {error}; counts are not cached"
        except (sqlite3.DatabaseError, _ForeignFileError) as error:
            return self._replace_damaged(str(error))
        return None

    def _is_made(self) -> bool:
        """Return whether the file's header says that it is ours: then nobody has to wait for it."""
        try:
            with self._path.open("rb") as file:
                header = file.read(_HEADER.size)
        except OSError:  # what is wrong is said where it is made
            return False
        marks = _HEADER.unpack(header) if len(header) == _HEADER.size else ()
        return marks == (_WAL, _WAL, _SCHEMA_VERSION, _APPLICATION_ID)

    def _connect(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))  # it holds texts
        connection = sqlite3.connect(self._path, timeout=1)
        connection.text_factory = _decode_leniently
        try:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if tables and (application, version) != (_APPLICATION_ID, _SCHEMA_VERSION):
                raise _ForeignFileError("not a cache of this version of afcost")  # noqa: TRY301
            connection.execute("PRAGMA synchronous = OFF")  # a lost cache costs only time
            if not tables:
                connection.executescript(_MARKS)  # before the journal is one that keeps them
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_TABLES)
        except BaseException:
            connection.close()
            raise
        return connection

    def _replace_damaged(self, reason: str) -> sqlite3.Connection | None:
        """Set a damaged or foreign file aside and start an empty one."""
        aside = self._path.with_name(self._path.name + ".damaged")
        self.problem = f"{self._path}: {reason}; moved to {aside.name} and recreated"
        try:
            if self._connection is not None:
                self._connection.close()  # closed later, it would remove the new file's journal
            self._path.replace(aside)
            for journal in ("-wal", "-shm"):
                self._path.with_name(self._path.name + journal).unlink(missing_ok=True)
            return self._connect()
        except (OSError, sqlite3.Error, _ForeignFileError) as error:
            self.problem = f"{self._path}: {error}; counts are not cached"
            return None


class _ForeignFileError(Exception):
    """The file is not an afcost cache, or has another version."""


@cache
def default_cache() -> CountCache:
    """Return the user's cache, opened once."""
    return CountCache(cache_folder() / "counts.sqlite")


@contextmanager
def bypass_cached_counts(*, enabled: bool) -> Iterator[None]:
    """Count texts again within this context, whatever the default cache holds.

    New counts are stored. Counts by providers are not affected: they cannot be made here.
    """
    cache = default_cache()
    before, cache.bypassed = cache.bypassed, enabled
    try:
        yield
    finally:
        cache.bypassed = before


def make_cache_key(*parts: str) -> bytes:
    """Return a cache key for a sequence of texts."""
    digest = hashlib.blake2b(digest_size=20)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()


def cached_encoder(encoder: Callable[[str], int], tokenizer_id: str) -> Callable[[str], int]:
    """Return an encoder that looks long texts up in the cache before it counts them.

    Args:
        encoder: counts a text.
        tokenizer_id: names the tokenizer and its version.
    """

    def count_cached(text: str) -> int:
        if len(text) < _MIN_CACHED_CHARS:
            return encoder(text)
        key, cache = make_cache_key(tokenizer_id, text), default_cache()
        tokens = None if cache.bypassed else cache.get_count(key)
        if tokens is None:
            tokens = encoder(text)
            cache.put_count(key, tokens)
        return tokens

    return count_cached


def _decode_leniently(data: bytes) -> str:
    """Decode text from the file without errors: damaged text then fails its checksum."""
    return data.decode("utf-8", "replace")


def _row_checksum(key: bytes, value: str) -> int:
    return zlib.crc32(key + value.encode("utf-8", "surrogatepass"))


def flush_default_cache() -> None:
    """Write the counts not yet written, if the default cache is open."""
    if default_cache.cache_info().currsize:
        with suppress(sqlite3.Error):
            default_cache().flush()
