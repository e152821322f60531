"""A program's family: it, what it started, and what these started, to be ended together.

They are found by their parents and, on Linux, by the door's address in their environment, which one
has kept whose parent is gone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Collection, Iterator
from contextlib import suppress

from runner.gateway.program.left_running import list_marked, list_parents

_PATIENCE = 10.0  # seconds in which they may end by themselves
_PAUSE = 0.05  # seconds between looks
_PS = ("ps", "-A", "-o", "pid=,ppid=,stat=")


async def end_family(door_url: str, root: int | None = None) -> None:
    """Ask a program and all that it started to end (SIGTERM), and end those that do not.

    Args:
        door_url: in their environment; empty where it is not.
        root: the program's process; None where it has ended.
    """
    known = set[int]() if root is None else {root}
    for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        told, waited = set[int](), 0.0
        while found := await asyncio.to_thread(_find_family, known, door_url):
            known |= found
            _tell(found - told, number)
            told |= found
            if waited >= _PATIENCE:
                break
            await asyncio.sleep(_PAUSE)
            waited += _PAUSE
        else:
            return


def _tell(family: Collection[int], number: signal.Signals) -> None:
    for pid in family:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _find_family(known: Collection[int], door_url: str) -> set[int]:
    """Return those that live, of known processes, all below them, and those with the address."""
    parents = list_parents() or dict(_ask_ps())
    found = (set(known) | set(list_marked(door_url))) & parents.keys()
    while below := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= below
    return found - {os.getpid()}


def _ask_ps() -> Iterator[tuple[int, int]]:
    """Yield each process with its parent, where the system does not show them as files."""
    with suppress(OSError):
        done = subprocess.run(_PS, check=False, capture_output=True, text=True)  # noqa: S603 - fixed
        for pid, parent, state in (line.split()[:3] for line in done.stdout.splitlines()):
            if not state.startswith("Z"):
                yield int(pid), int(parent)
