"""Checked files: ledger files of which every value was looked at, so that this is done once.

Whether each value of a stranger's file has its column's type takes as long to see as it takes to
read them all. A file is known again by what its system says of it: where it is, how long it is,
when it was written and when that was last changed, which no program can set back. One that was
written a moment ago is not kept, because a clock may not tell the next write from it.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from estimator.atomic_write import write_atomically
from estimator.user_dirs import state_folder

_LEAST_BYTES = 16 << 20  # below, it takes no time that is worth a file
_SETTLED_SECONDS = 2.0  # since the last write
_MOST_KEPT = 64
_BESIDE = ("-wal",)  # what SQLite reads with it


class FileState(NamedTuple):
    """What the system says of a file, and of those that are read with it."""

    size: int
    newest: float  # seconds; when any of them was written
    text: str

    @property
    def is_worth_keeping(self) -> bool:
        """Whether it is long, and was not written a moment ago."""
        return self.size >= _LEAST_BYTES and time.time() - self.newest > _SETTLED_SECONDS


def find_file_state(path: Path) -> FileState:
    """Return what the system says of a file.

    Raises:
        OSError: it says nothing.
    """
    states = [path.stat()]
    for suffix in _BESIDE:
        with suppress(FileNotFoundError):
            found = path.with_name(path.name + suffix).stat()
            states += [found] if found.st_size else []
    names = ("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns")
    text = " ".join(str(getattr(each, name)) for each in states for name in names)
    newest = max(max(each.st_mtime, each.st_ctime) for each in states)
    return FileState(states[0].st_size, newest, text)


def is_checked(state: FileState) -> bool:
    """Return whether a file was checked as it is now."""
    return state.size >= _LEAST_BYTES and state.text in _read_known()


def keep_checked(state: FileState) -> None:
    """Keep that a file was checked; that it cannot be kept is no error."""
    if state.is_worth_keeping:
        known = [state.text, *(each for each in _read_known() if each != state.text)]
        with suppress(OSError):
            write_atomically(_find_place(), json.dumps(known[:_MOST_KEPT], indent=0) + "\n")


def _find_place() -> Path:
    return state_folder() / "checked-files.json"


def _read_known() -> list[str]:
    with suppress(OSError, ValueError):
        known = json.loads(_find_place().read_text(encoding="utf-8"))
        if isinstance(known, list):
            return [each for each in known if isinstance(each, str)]
    return []
