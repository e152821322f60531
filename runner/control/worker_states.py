"""Worker states: what each process that executes a run leaves of itself, for those who watch it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

_MOST_WORKERS, _MOST_WAITS = 1_000, 1_000  # that are read of a note


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
    """

    at: str
    cpu_seconds: float
    waits: tuple[StatedWait, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "at": self.at,
            "cpu_seconds": round(self.cpu_seconds, 3),
            "waits": [asdict(each) for each in self.waits],
        }


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
            str(stated["at"]), float(stated["cpu_seconds"]), tuple(map(_read_wait, _cut(waits)))
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
