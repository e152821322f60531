"""Files of lines that this user alone reads and writes, several processes of them in turn."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from estimator.atomic_write import flush_folder

if sys.platform != "win32":
    import fcntl

_OPEN_SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@contextmanager
def open_lines(path: Path) -> Iterator[tuple[list[str], bool]]:
    """Read a file's lines; no other process reads or writes it in the context.

    Returns:
        its lines, and whether the last one is whole.

    Raises:
        OSError: it cannot be read, or is no ordinary file of this user's.
    """
    handle = os.open(path, os.O_RDWR | _OPEN_SAFELY)
    try:
        _check_file(handle)
        _lock(handle)
        with os.fdopen(os.dup(handle), encoding="utf-8", errors="replace", newline="\n") as file:
            *lines, unfinished = file.read().split("\n")
        yield [line for line in lines if line], not unfinished
    finally:
        os.close(handle)


def append_line(path: Path, line: bytes, *, private_folder: bool) -> None:
    """Append a line to a file, durably and whole.

    Raises:
        OSError: it could not be written; nothing of it remains.
    """
    if private_folder:
        _make_private(path.parent)
    while True:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _OPEN_SAFELY, 0o600)
        try:
            _check_file(handle)
            _lock(handle)
            if os.fstat(handle).st_nlink:  # not settled and removed since it was opened
                _write_whole(handle, line)
                break
        finally:
            os.close(handle)
    with suppress(OSError):  # a system where folders cannot be opened
        flush_folder(path.parent)


def _write_whole(handle: int, line: bytes) -> None:
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":  # a crash left half of a line
        line = b"\n" + line
    try:
        while line:
            line = line[os.write(handle, line) :]
        os.fsync(handle)
    except OSError:
        with suppress(OSError):
            os.ftruncate(handle, size)
        raise


def _make_private(folder: Path) -> None:
    """Make a folder that is this user's alone, or see that it is.

    Raises:
        PermissionError: it is another's, or others may write to it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or not _is_own(found) or stat.S_IMODE(found.st_mode) & 0o022:
        raise PermissionError(f"{folder} is not private")


def _check_file(handle: int) -> None:
    """Refuse what is no ordinary file of this user's.

    Raises:
        PermissionError: it is not.
    """
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or not _is_own(found):
        raise PermissionError("not an ordinary file of this user's")


def _is_own(found: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or found.st_uid in {os.geteuid(), 0} or os.geteuid() == 0


def _lock(handle: int) -> None:
    """Wait until no other process reads or writes the file."""
    if sys.platform != "win32":
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
