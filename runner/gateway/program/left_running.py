"""What a program left running: processes that still have its environment, with the door's address.

They are found by that, and not by who started them, because a process that goes on by itself has
no parent left. Only Linux shows environments as files; elsewhere nothing is found.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
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
    found = islice(list_marked(door_url), _MOST)
    return tuple(RunningProcess(pid, name) for pid in found if (name := _read_state(pid)[0]))


def list_marked(door_url: str) -> Iterator[int]:
    """Yield the processes, except this one, that have a door's address in their environment."""
    mark = f"{GUARD_VARIABLE}={door_url}".encode()
    for folder in sorted(Path("/proc").glob("[0-9]*")) if door_url else ():
        pid = int(folder.name)
        with suppress(OSError):
            is_marked = mark in (folder / "environ").read_bytes().split(b"\0")
            if is_marked and pid != os.getpid() and _read_state(pid)[1] not in ("", _ZOMBIE):
                yield pid


def list_parents() -> dict[int, int]:
    """Return each process that lives -> its parent; empty where they are no files."""
    pids = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    states = ((pid, *_read_state(pid)[1:]) for pid in pids)
    return {pid: parent for pid, state, parent in states if state not in ("", _ZOMBIE)}


def _read_state(pid: int) -> tuple[str, str, int]:
    """Return a process's name, state and parent, of `pid (name) S parent ...`; empty once gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return "", "", 0
    head, _, tail = text.rpartition(")")
    state, parent, *_ = tail.split()
    return head.partition("(")[2], state, int(parent)
