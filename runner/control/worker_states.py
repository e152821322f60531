"""Worker states: what each process that executes a run leaves of itself, for those who watch it.

Beside a shared ledger each worker has a note of its own, so that none overwrites another's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from runner.control.notes import Notes

_MOST_WORKERS, _MOST_WAITS = 1_000, 1_000  # that are read of a note
_PREFIX = "worker."
_GONE = 86_400.0  # seconds after which what a worker left is removed


@dataclass(frozen=True, slots=True)
class StatedWait:
    """A model, or a stage of it, that a worker asks nothing for now.

    Attributes:
        model: as the experiment writes it.
        stage: empty for all of them.
        until: when it is asked again, as ISO 8601 in UTC; empty where that is not known.
        is_stopped: it is asked nothing more in this execution.
        why: in words.
    """

    model: str
    stage: str
    until: str
    is_stopped: bool
    why: str


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What a worker leaves of itself.

    Attributes:
        at: when, as ISO 8601 in UTC.
        cpu_seconds: that its process has taken of a processor so far.
        waits: the models that it asks nothing now.
        host: the machine that it runs on; empty where an earlier version left it.
        process: its number there; 0 the same.
    """

    at: str
    cpu_seconds: float
    waits: tuple[StatedWait, ...] = ()
    host: str = ""
    process: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "at": self.at,
            "cpu_seconds": round(self.cpu_seconds, 3),
            "waits": [asdict(each) for each in self.waits],
            "host": self.host,
            "process": self.process,
        }


def leave_state(notes: Notes, worker: str, state: WorkerState) -> None:
    """Leave the state of a worker in a note of its own; remove those of workers long gone."""
    notes.write(f"{_PREFIX}{worker}", state.to_json())
    for name, each in read_left_states(notes).items():
        if count_seconds_between(each.at, state.at) > _GONE:
            notes.remove(f"{_PREFIX}{name}")


def read_left_states(notes: Notes) -> dict[str, WorkerState]:
    """Return what workers have left in notes of their own, also those that have ended."""
    return read_worker_states(notes.read_all(_PREFIX))


def count_seconds_between(then: str, now: str) -> float:
    """Return how many seconds lie between two moments; infinity where one is none."""
    try:
        return (datetime.fromisoformat(now) - datetime.fromisoformat(then)).total_seconds()
    except (ValueError, TypeError):  # no time, or one without a zone
        return math.inf


def read_worker_states(note: Mapping[str, Any]) -> dict[str, WorkerState]:
    """Return the states of workers by their names; those that cannot be read are left out.

    Args:
        note: worker -> what `to_json` returned.
    """
    found = {}
    for name, stated in list(note.items())[:_MOST_WORKERS]:
        if isinstance(stated, dict) and (state := _read_state(stated)) is not None:
            found[str(name)] = state
    return found


def _read_state(stated: Mapping[str, Any]) -> WorkerState | None:
    try:
        waits = stated.get("waits", [])
        return WorkerState(
            str(stated["at"]),
            float(stated["cpu_seconds"]),
            tuple(map(_read_wait, _cut(waits))),
            str(stated.get("host", "")),
            int(stated.get("process", 0)),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _read_wait(stated: Mapping[str, Any]) -> StatedWait:
    return StatedWait(
        model=str(stated["model"]),
        stage=str(stated["stage"]),
        until=str(stated["until"]),
        is_stopped=stated["is_stopped"] is True,
        why=str(stated["why"]),
    )


def _cut(waits: Sequence[Any]) -> Sequence[Any]:
    return waits[:_MOST_WAITS]
