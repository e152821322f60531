"""Waiting: how long a chunk was waited for, as clocks show it that may be set meanwhile.

What does not come is believed not to come only after some time. That a clock is set forward must
not make up for it. So time is counted from look to look: each adds what passed since the one
before, by this machine's clock and the provider's, whichever says less, and a third at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from runner.ledger import ChunkNote

_MOST_OF_WHOLE = 3  # a look counts for one of so many parts at most
_LEAST_OF_WHOLE = 60  # less is counted with the next look, so that few of them are recorded


@dataclass(frozen=True, slots=True)
class Moment:
    """A time by two clocks.

    Attributes:
        here: by this machine's.
        there: by the provider's; None where it did not say.
    """

    here: datetime
    there: datetime | None = None


def begin_wait(note: ChunkNote, now: Moment) -> ChunkNote:
    """Return a chunk's note with a wait that begins now."""
    there = now.there.isoformat() if now.there else ""
    return replace(note, waited=0.0, waited_here=now.here.isoformat(), waited_there=there)


def end_wait(note: ChunkNote) -> ChunkNote:
    """Return a chunk's note without a wait."""
    return replace(note, waited=0.0, waited_here="", waited_there="")


def count_wait(note: ChunkNote, now: Moment, whole: timedelta) -> ChunkNote:
    """Return a chunk's note with the time since it was last looked at.

    Args:
        note: with a wait; one of an earlier version has none, and begins now.
        now: the time.
        whole: how long is waited.
    """
    if not note.waited_here:
        return begin_wait(note, now)
    passed = find_passed(note, now)
    counted = note.waited + min(passed, whole / _MOST_OF_WHOLE).total_seconds()
    if passed < whole / _LEAST_OF_WHOLE and counted < whole.total_seconds():
        return note
    return replace(begin_wait(note, now), waited=min(counted, whole.total_seconds()))


def find_passed(note: ChunkNote, now: Moment) -> timedelta:
    """Return what passed since a wait was last counted, by the clock that says the least."""
    steps = [now.here - datetime.fromisoformat(note.waited_here)]
    if note.waited_there and now.there:
        steps.append(now.there - datetime.fromisoformat(note.waited_there))
    return max(min(steps), timedelta())


def has_waited(note: ChunkNote, whole: timedelta) -> bool:
    """Return whether all of a time was waited."""
    return note.waited >= whole.total_seconds()
