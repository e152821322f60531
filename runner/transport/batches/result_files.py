"""Files that results arrive in: one of each source, then all of them in one."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_BLOCK, _MOST_LAST_LINE = 2**20, 2**27  # bytes
_LEAST_SECRET = 8  # characters of what is a secret in an answer
_LEAST_FREE = 2**30  # bytes that a disk must keep free


class NoRoomError(OSError):
    """There is no room for the results."""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file that results of one source arrive in.

    Attributes:
        path: where it is once it is whole.
        begun: where it is until then; it stays where the connection breaks.
    """

    path: Path
    begun: Path

    @property
    def is_done(self) -> bool:
        """Whether it is whole."""
        return self.path.exists()

    def measure(self) -> int:
        """Return how many bytes of it there are."""
        return self.begun.stat().st_size if self.begun.exists() else 0

    def drop(self) -> None:
        """Remove what there is of it, so that all of it is asked for the next time."""
        self.begun.unlink(missing_ok=True)

    def finish(self) -> None:
        """Declare it whole."""
        self.begun.replace(self.path)

    def hide(self, secret: str | None) -> None:
        """Replace a secret that the server repeats, by as many other characters."""
        wanted = (secret or "").encode()
        if len(wanted) < _LEAST_SECRET or not self.begun.exists():
            return
        with self.begun.open("r+b") as file:
            at = 0
            while len(block := _read_at(file, at, _BLOCK + len(wanted))) >= len(wanted):
                if wanted in block:
                    file.seek(at)
                    file.write(block.replace(wanted, b"*" * len(wanted)))
                at += _BLOCK

    def write_lines(self, lines: Iterable[bytes]) -> None:
        """Write lines that have come whole."""
        with self.begun.open("wb") as file:
            for line in lines:
                file.write(line.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n")

    def ends_whole(self) -> bool:
        """Return whether its last line is one; it need not have a line's end."""
        with self.begun.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - 1, 0))
            if not size or file.read() == b"\n":
                return True
            return _is_json(_read_last_line(file, size))


def name_result_file(to: Path, source: str) -> ResultFile:
    """Return the file of one source beside the one that all are joined in."""
    path = to.with_name(f"{to.name}.{hashlib.sha256(source.encode()).hexdigest()[:8]}")
    return ResultFile(path, path.with_name(f"{path.name}.part"))


def join_files(files: list[ResultFile], to: Path) -> tuple[int, int]:
    """Join files into one, each line with its end; return its size and its lines."""
    begun, lines = to.with_name(f"{to.name}.part"), 0
    with begun.open("wb") as file:
        for each in files:
            end = b"\n"
            with each.path.open("rb") as source:
                while block := source.read(_BLOCK):
                    lines, end = lines + block.count(b"\n"), block[-1:]
                    file.write(block)
            if end != b"\n":
                lines += file.write(b"\n")
        size = file.tell()
    begun.replace(to)
    return size, lines


def remove_files(files: list[ResultFile]) -> None:
    """Remove files that were joined, or are not what they should be."""
    for each in files:
        each.path.unlink(missing_ok=True)
        each.drop()


def require_room(folder: Path) -> None:
    """Raise `NoRoomError` where a disk is nearly full."""
    if shutil.disk_usage(folder).free < _LEAST_FREE:
        raise NoRoomError(
            f"the disk of {folder} has less than 1 GiB left for results: make room, then run again"
        )


def _read_at(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


def _read_last_line(file: BinaryIO, size: int) -> bytes:
    tail, at = b"", size
    while at > 0 and b"\n" not in tail and len(tail) < _MOST_LAST_LINE:
        at = max(at - _BLOCK, 0)
        file.seek(at)
        tail = file.read(size - at)
    return tail.rpartition(b"\n")[2]


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
