"""What a program left running: processes that still have its environment, with the door's address.

They are found by that, and not by who started them, because a process that goes on by itself has
no parent left. Only Linux shows environments as files; elsewhere nothing is found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runner.gateway.program.environment import GUARD_VARIABLE

_MOST = 20
_ZOMBIE = "Z"


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A process that runs on.

    Attributes:
        pid: its number.
        command: what it is, in short and without its arguments, which may hold secrets.
    """

    pid: int
    command: str


def find_left_running(door_url: str) -> tuple[RunningProcess, ...]:
    """Return the processes, except this one, that have a door's address in their environment.

    A process whose environment cannot be read, such as one of another user, is not found.
    """
    return tuple(_find(f"{GUARD_VARIABLE}={door_url}".encode()))


def _find(mark: bytes) -> Iterator[RunningProcess]:
    found = 0
    for folder in sorted(Path("/proc").glob("[0-9]*")):
        pid = int(folder.name)
        with suppress(OSError):
            if pid != os.getpid() and mark in (folder / "environ").read_bytes().split(b"\0"):
                name, state = _read_state(folder)
                if state != _ZOMBIE and found < _MOST:
                    found += 1
                    yield RunningProcess(pid, name)


def _read_state(folder: Path) -> tuple[str, str]:
    """Return a process's name and state: `pid (name) S ...`."""
    head, _, tail = (folder / "stat").read_text(errors="replace").rpartition(")")
    return head.partition("(")[2], tail.split()[0]
