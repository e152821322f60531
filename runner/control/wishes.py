"""Wishes: what `afcost pause`, `resume` and `stop` ask of the processes that execute a run.

A pause holds until it is taken back, also for processes that are started meanwhile. A stop is for
those that execute the run when it is asked for: the next one goes on.
"""

from __future__ import annotations

import math
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from runner.control.notes import Notes

_NOTE, _OBEYED, _OF_LEAD, _PAUSES = "control", "obeyed", "lead.", "pauses"
_MOST_PAUSES = 20  # that are kept


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


@dataclass(frozen=True, slots=True)
class LeadWishes:
    """What a process asks of the workers that it started.

    Attributes:
        interrupts: how often they are to end: once to finish what is in flight, twice to hold it.
        until: when the newest approval ends, as ISO 8601; empty where it does not.
    """

    interrupts: int = 0
    until: str = ""


def read_wishes(notes: Notes) -> Wishes:
    """Return what is asked of a run."""
    return _read(notes, _NOTE)


def read_obeyed(notes: Notes) -> Wishes:
    """Return what a process that executes the run has obeyed last."""
    return _read(notes, _OBEYED)


def record_obeyed(notes: Notes, wishes: Wishes) -> None:
    """Record that this process obeys what is asked."""
    notes.write(_OBEYED, {"paused_at": wishes.paused_at, "stop": wishes.stop})


def ask_workers(notes: Notes, lead: str, asked: LeadWishes) -> None:
    """Ask something of the workers of a process."""
    notes.write(f"{_OF_LEAD}{lead}", asdict(asked))


def read_lead_wishes(notes: Notes, lead: str) -> LeadWishes:
    """Return what the process that started this worker asks of it."""
    note = notes.read(f"{_OF_LEAD}{lead}")
    interrupts, until = note.get("interrupts"), note.get("until")
    return LeadWishes(
        interrupts if isinstance(interrupts, int) else 0, until if isinstance(until, str) else ""
    )


def forget_lead_wishes(notes: Notes, lead: str) -> None:
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
    _record_pause(notes, wishes)
    _write(notes, replace(wishes, paused_at=""))
    return True


def ask_to_stop(notes: Notes) -> None:
    """Ask the processes that execute a run to end, as an interrupt does; nothing stays paused."""
    _record_pause(notes, read_wishes(notes))
    _write(notes, Wishes(stop=secrets.token_hex(8)))


def read_pauses(notes: Notes) -> list[tuple[float, float]]:
    """Return the last pauses of a run, from and until when, in seconds of the epoch; oldest first.

    One that goes on has no end: infinity.
    """
    kept = notes.read(_PAUSES).get("pauses")
    paused_at = read_wishes(notes).paused_at
    with suppress(ValueError, TypeError):  # of a file that others may write
        pauses = [(_read_time(since), _read_time(until)) for since, until in kept or ()]
        return [*pauses, (_read_time(paused_at), math.inf)] if paused_at else pauses
    return []


def _record_pause(notes: Notes, wishes: Wishes) -> None:
    """Record a pause that ends now; how fast the run is does not count it."""
    if not wishes.is_paused:
        return
    kept = notes.read(_PAUSES).get("pauses")
    kept = kept[1 - _MOST_PAUSES :] if isinstance(kept, list) else []
    notes.write(_PAUSES, {"pauses": [*kept, [wishes.paused_at, datetime.now(UTC).isoformat()]]})


def _read_time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _write(notes: Notes, wishes: Wishes) -> None:
    notes.write(_NOTE, {"paused_at": wishes.paused_at, "stop": wishes.stop})
