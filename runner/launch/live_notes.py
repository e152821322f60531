"""Live notes: the forecast of a run's end, kept beside its ledger, with what was warned of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from runner.control import (
    Notes,
    WorkerState,
    count_seconds_between,
    open_notes,
    read_left_states,
    read_worker_states,
)
from runner.errors import BadRun, LedgerError
from runner.forecasting import LiveView, Warned
from runner.run_folder import RunFolder

_NOTE = "live"
_SILENT = 120.0  # seconds, of a worker that leaves something every 15


@dataclass(frozen=True, slots=True)
class KeptWarning:
    """A warning that was given: what it is about, when, and its words."""

    key: str
    at: str
    text: str


@dataclass(frozen=True, slots=True)
class LiveNote:
    """What is kept of a run's forecast.

    Attributes:
        view: the newest one; None before there is any.
        warnings: that were given, oldest first; those without words were left out for another.
        workers: what those that execute the run, or did last, leave of themselves, by their names.
    """

    view: LiveView | None = None
    warnings: tuple[KeptWarning, ...] = ()
    workers: Mapping[str, WorkerState] = field(default_factory=dict)


def read_live_note(notes: Notes) -> LiveNote:
    """Return what is kept of a run's forecast; nothing where it cannot be read."""
    note = notes.read(_NOTE)
    view, kept = note.get("view"), note.get("warnings")
    warnings = [each for each in kept if isinstance(each, dict)] if isinstance(kept, list) else []
    workers = note.get("workers")
    return LiveNote(
        LiveView.from_json(view) if isinstance(view, dict) else None,
        tuple(
            KeptWarning(*(str(each.get(name, "")) for name in ("key", "at", "text")))
            for each in warnings
        ),
        (read_worker_states(workers) if isinstance(workers, dict) else {})
        | _drop_silent(read_left_states(notes)),
    )


def find_live_note(run: RunFolder, now: datetime, *, is_done: bool) -> LiveNote:
    """Return what is kept of a run's forecast; where nothing is, forecast it from its ledger.

    Args:
        run: the run.
        now: the time.
        is_done: whether nothing is left of it, so that there is nothing to forecast.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    note = LiveNote()
    with suppress(LedgerError), open_notes(run.ledger_location) as notes:
        note = read_live_note(notes)
    if is_done or note.view is not None:
        return note
    from runner.forecasting import LiveWatch  # noqa: PLC0415 - it loads numpy

    with suppress(BadRun):  # an earlier version made the folder
        return replace(note, view=LiveWatch(run).look(now))
    return note


def write_live_note(
    notes: Notes,
    view: LiveView,
    warned: Sequence[Warned],
    worker: tuple[str, WorkerState] | None = None,
) -> list[str]:
    """Keep a forecast, and return the words of what was not warned of before.

    Args:
        notes: beside the ledger.
        view: of now.
        warned: what is to be warned of now.
        worker: the name of this one, and what it leaves of itself; None for nothing.
    """
    before = read_live_note(notes)
    earlier = before.warnings
    known, new = {each.key for each in earlier}, list[KeptWarning]()
    for each in warned:
        if each.key in known:
            continue
        new.append(KeptWarning(each.key, view.at, each.text))
        new += [KeptWarning(key, view.at, "") for key in each.also if key not in known | {each.key}]
    kept = [{"key": w.key, "at": w.at, "text": w.text} for w in (*earlier, *new)]
    workers = _drop_silent(before.workers, view.at) | dict([worker] if worker else [])
    for name in read_left_states(notes):
        workers.pop(name, None)
    states = {name: each.to_json() for name, each in workers.items()}
    notes.write(_NOTE, {"view": view.to_json(), "warnings": kept, "workers": states})
    return [each.text for each in new if each.text]


def _drop_silent(workers: Mapping[str, WorkerState], now: str = "") -> dict[str, WorkerState]:
    """Return the workers but those that have left nothing for long: they have ended.

    Without a time, it is the newest at which one of them left something.
    """
    now = now or max((each.at for each in workers.values()), default="")
    return {
        name: each
        for name, each in workers.items()
        if count_seconds_between(each.at, now) < _SILENT
    }
