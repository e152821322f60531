"""Checked files: ledger files that were looked through, and whose chains were checked, once.

Whether each value of a stranger's file has its column's type takes as long to see as it takes to
read them all. A file is known again by what its system says of it: where it is, how long it is,
when it was written and when that was last changed, which no program can set back. One that was
written a moment ago is not kept, because a clock may not tell the next write from it.

What this process has open for writing it has checked, and no other writes to it; nor need it look
again once that is closed, as long as its system says the same of it.
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
_CHAIN = " chain "  # between what is kept of a file and the end of its chain


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


class ChainEnd(NamedTuple):
    """Up to which entry a chain was checked: its number, and its hash."""

    seq: int
    hash: str


_open: set[Path] = set()  # for writing, by this process
_closed: dict[Path, tuple[str, ChainEnd]] = {}  # what this process wrote, as it was then


def is_checked(state: FileState) -> bool:
    """Return whether a file was checked as it is now."""
    return state.size >= _LEAST_BYTES and state.text in _read_known()


def find_checked_end(state: FileState) -> ChainEnd | None:
    """Return up to where a file's chain was checked, as the file is now; None if it was not."""
    return _read_known().get(state.text) if state.size >= _LEAST_BYTES else None


def keep_checked(state: FileState, end: ChainEnd | None = None) -> None:
    """Keep that a file was checked; that it cannot be kept is no error.

    Args:
        state: of the file.
        end: up to where its chain was; None where that is not known, or as it was known before.
    """
    if state.is_worth_keeping:
        known = _read_known()
        end = known.pop(state.text, None) if end is None else end
        known = {state.text: end} | {text: at for text, at in known.items() if text != state.text}
        lines = [f"{text}{_CHAIN}{at.seq} {at.hash}" if at else text for text, at in known.items()]
        with suppress(OSError):
            write_atomically(_find_place(), json.dumps(lines[:_MOST_KEPT], indent=0) + "\n")


def begin_writing(path: Path) -> None:
    """Remember that this process has a file open for writing, and has checked it."""
    _open.add(path.resolve())


def end_writing(path: Path, end: ChainEnd | None) -> None:
    """Remember how a file was when this process closed it, and where its chain ended.

    Args:
        path: of the file.
        end: of the chain, which this process has checked; None where others wrote to the file too.
    """
    _open.discard(path.resolve())
    _closed.pop(path.resolve(), None)
    if end is not None:
        with suppress(OSError):
            _closed[path.resolve()] = find_file_state(path).text, end


def is_own(path: Path, state: FileState) -> bool:
    """Return whether this process writes to a file, or wrote to it last."""
    return path.resolve() in _open or find_own_end(path, state) is not None


def find_own_end(path: Path, state: FileState) -> ChainEnd | None:
    """Return where the chain of a file ended that this process wrote to last; None else."""
    text, end = _closed.get(path.resolve(), ("", None))
    return end if text == state.text and state.size >= _LEAST_BYTES else None


def _find_place() -> Path:
    return state_folder() / "checked-files.json"


def _read_known() -> dict[str, ChainEnd | None]:
    with suppress(OSError, ValueError):
        known = json.loads(_find_place().read_text(encoding="utf-8"))
        if isinstance(known, list):
            return dict(_read_line(each) for each in known if isinstance(each, str))
    return {}


def _read_line(line: str) -> tuple[str, ChainEnd | None]:
    text, _, end = line.partition(_CHAIN)
    seq, _, hash_ = end.partition(" ")
    return text, ChainEnd(int(seq), hash_) if seq.isdecimal() else None
