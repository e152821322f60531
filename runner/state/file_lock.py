"""The lock of a ledger file, which one process at a time may write to.

A lock file alone can be removed while its owner goes on, and then the next process gets a lock of
its own. So the ledger's folder is locked too, where the system can do that, and before and after
each transaction the files must still be the ones that this process opened.
"""

from __future__ import annotations

import errno
import os
import shlex
import sys
import time
from pathlib import Path

from filelock import FileLock, Timeout

from runner.errors import LedgerBusy, LedgerError

if sys.platform != "win32":  # where an open file cannot be removed
    import fcntl

_LOCK_TIMEOUT = 0.5  # seconds, because `is_locked` has the lock for a moment
_POLL_INTERVAL = 0.05  # seconds
_TAKEN = {errno.EACCES, errno.EAGAIN, errno.EWOULDBLOCK}
_Identity = tuple[int, int] | None  # device and inode; None where there is no file


class LedgerFileLock:
    """The lock of a ledger file and of its folder.

    Args:
        path: of the ledger.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_path = path.with_suffix(".lock")
        self._wal_path = path.with_name(f"{path.name}-wal")
        self._lock = FileLock(self._lock_path, mode=0o600)
        self._folder: int | None = None
        self._identities: dict[Path, _Identity] = {}

    def acquire(self) -> None:
        """Lock the ledger, for this process alone.

        Raises:
            LedgerBusy: another process has it.
            LedgerError: it cannot be locked.
        """
        try:
            self._lock.acquire(timeout=_LOCK_TIMEOUT, poll_interval=_POLL_INTERVAL)
            self._identities[self._lock_path] = _identify(self._lock_path)
            self._folder = _lock_folder(self.path.parent)
        except Timeout:
            self.release()
            raise _busy(self.path) from None
        except OSError as error:
            self.release()
            raise LedgerError(f"cannot lock ledger {self.path}: {error.strerror}") from error

    def release(self) -> None:
        """Release the ledger."""
        self._lock.release()
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None

    def find_loss(self) -> str:
        """Find out whether a file that this process opened was removed or replaced.

        Returns:
            what happened, for a person; empty where all are there.
        """
        for path in (self.path, self._wal_path):
            found, known = _identify(path), self._identities.get(path)
            if known is None:  # SQLite has made it only now, if at all
                if found is not None:
                    self._identities[path] = found
            elif found != known:
                return f"{path.name} was removed or replaced while this process had it open"
        if _identify(self._lock_path) != self._identities[self._lock_path]:
            return self._lock_again()
        return ""

    def _lock_again(self) -> str:
        """Make a new lock file for one that was removed; say so where another process has it."""
        lock = FileLock(self._lock_path, mode=0o600)
        try:
            lock.acquire(timeout=0)
        except Timeout:  # one that looks whether this process runs has it for a moment
            if self._folder is not None:
                return ""
            return f"{self._lock_path.name} was removed, and another process began to write"
        except OSError as error:
            return f"{self._lock_path.name} was removed and cannot be made again: {error.strerror}"
        self._lock.release()
        self._lock, self._identities[self._lock_path] = lock, _identify(self._lock_path)
        return ""


def refuse_locked(path: Path) -> None:
    """Refuse a ledger file that a process has open for writing; make no file for that.

    Raises:
        LedgerBusy: one has.
    """
    if path.with_suffix(".lock").exists() and is_locked(path):
        raise _busy(path)


def _busy(path: Path) -> LedgerBusy:
    return LedgerBusy(
        f"ledger {path}: another process is running this plan; wait for it, or watch it:  "
        f"afcost status {shlex.quote(str(path.parent))}"
    )


def is_locked(path: Path) -> bool:
    """Return whether a process has a ledger file open for writing."""
    try:
        with FileLock(path.with_suffix(".lock"), timeout=0, mode=0o600):
            folder = _lock_folder(path.parent, timeout=0)
    except Timeout:
        return True
    if folder is not None:
        os.close(folder)
    return False


def _lock_folder(folder: Path, timeout: float = _LOCK_TIMEOUT) -> int | None:
    """Lock a folder, and return what holds the lock; None where folders cannot be locked.

    Raises:
        Timeout: another process has it.
    """
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # one that may not be read
        return None
    deadline = time.monotonic() + timeout
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN and time.monotonic() < deadline:
                time.sleep(_POLL_INTERVAL)
                continue
            os.close(handle)
            if error.errno in _TAKEN:
                raise Timeout(str(folder)) from error
            return None  # some network file systems
        return handle


def _identify(path: Path) -> _Identity:
    try:
        found = os.stat(path)  # noqa: PTH116 - twice as fast, and asked for in each transaction
    except OSError:
        return None
    return found.st_dev, found.st_ino
