"""Wishes: what `afcost pause`, `resume` and `stop` ask of the processes that execute a run.

A pause holds until it is taken back, also for processes that are started meanwhile. A stop is for
those that execute the run when it is asked for: the next one goes on.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from runner.control.notes import Notes

_NOTE, _OBEYED, _OF_LEAD = "control", "obeyed", "lead."


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked of a run.

    Attributes:
        paused_at: when a pause was asked for, as ISO 8601; empty where nothing is paused.
        stop: names the newest stop; empty without one.
    """

    paused_at: str = ""
    stop: str = ""

    @property
    def is_paused(self) -> bool:
        """Whether nothing is to be sent."""
        return bool(self.paused_at)


def read_wishes(notes: Notes) -> Wishes:
    """Return what is asked of a run."""
    return _read(notes, _NOTE)


def read_obeyed(notes: Notes) -> Wishes:
    """Return what a process that executes the run has obeyed last."""
    return _read(notes, _OBEYED)


def record_obeyed(notes: Notes, wishes: Wishes) -> None:
    """Record that this process obeys what is asked."""
    notes.write(_OBEYED, {"paused_at": wishes.paused_at, "stop": wishes.stop})


def ask_interrupts(notes: Notes, lead: str, times: int) -> None:
    """Ask the workers of a process to end: once to finish what is in flight, twice to hold it."""
    notes.write(f"{_OF_LEAD}{lead}", {"interrupts": times})


def read_interrupts(notes: Notes, lead: str) -> int:
    """Return how often the process that started this worker asks it to end."""
    asked = notes.read(f"{_OF_LEAD}{lead}").get("interrupts")
    return asked if isinstance(asked, int) else 0


def forget_interrupts(notes: Notes, lead: str) -> None:
    """Remove what a process asked of its workers, once they have ended."""
    notes.remove(f"{_OF_LEAD}{lead}")


def _read(notes: Notes, name: str) -> Wishes:
    note = notes.read(name)
    return Wishes(*(str(note.get(name) or "") for name in ("paused_at", "stop")))


def ask_to_pause(notes: Notes, now: datetime) -> bool:
    """Ask a run to send nothing more until it is resumed; return False where that was asked."""
    wishes = read_wishes(notes)
    if wishes.is_paused:
        return False
    _write(notes, replace(wishes, paused_at=now.isoformat(timespec="seconds")))
    return True


def ask_to_resume(notes: Notes) -> bool:
    """Ask a run to go on; return False where it was not paused."""
    wishes = read_wishes(notes)
    if not wishes.is_paused:
        return False
    _write(notes, replace(wishes, paused_at=""))
    return True


def ask_to_stop(notes: Notes) -> None:
    """Ask the processes that execute a run to end, as an interrupt does; nothing stays paused."""
    _write(notes, Wishes(stop=secrets.token_hex(8)))


def _write(notes: Notes, wishes: Wishes) -> None:
    notes.write(_NOTE, {"paused_at": wishes.paused_at, "stop": wishes.stop})
