"""Temporary folders of workers and of Ray, removed at their end; after a kill, by the next one."""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

OF_WORKERS, OF_RAY = "afcost-worker-", "afcost-ray-"  # prefixes of their names
_PATIENCE = 5.0  # seconds: `remove_left_folders` has a lock for a moment


@contextmanager
def open_own_folder(prefix: str) -> Iterator[Path]:
    """Make a folder that only this user can read, and remove it at the end.

    Its lock stands beside it, and is had before the folder is made, so no other process removes it.

    Args:
        prefix: of its name; what was left of others with it is removed first.

    Raises:
        OSError: it cannot be made.
    """
    remove_left_folders(prefix)
    folder = Path(tempfile.gettempdir()) / f"{prefix}{secrets.token_hex(4)}"
    lock = _lock_of(folder)
    with lock.acquire(timeout=_PATIENCE):
        try:
            folder.mkdir(mode=0o700)
            yield folder
        finally:
            _remove(folder, lock)


def remove_left_folders(prefix: str) -> None:
    """Remove the folders of processes of this user that were killed."""
    with suppress(OSError):
        for path in Path(tempfile.gettempdir()).glob(f"{prefix}*.lock"):
            with suppress(OSError):  # Timeout: its process lives
                _remove_left(path.with_suffix(""))


def _remove_left(folder: Path) -> None:
    lock = _lock_of(folder)
    if _is_own_file(Path(lock.lock_file)):
        with suppress(Timeout), lock.acquire(timeout=0):
            _remove(folder, lock)


def _remove(folder: Path, lock: FileLock) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # it follows no link
    Path(lock.lock_file).unlink(missing_ok=True)


def _lock_of(folder: Path) -> FileLock:
    return FileLock(f"{folder}.lock", mode=0o600, thread_local=False)


def _is_own_file(path: Path) -> bool:
    """Return whether it is a file of this user, and no link that another one left here."""
    found = path.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_uid == getattr(os, "getuid", lambda: 0)()
