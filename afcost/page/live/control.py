"""Pause, resume and stop from the page: what the commands of these names do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from runner.control import Notes, ask_to_pause, ask_to_resume, ask_to_stop, open_notes
from runner.errors import LedgerError
from runner.ledger import Location, is_running
from runner.run_folder import open_run_folder

_NOT_RUNNING = "Nothing executes this run now, so there is nothing to {}."
_NOT_HERE = (
    "Nothing on this machine executes this run now, so there is nothing to {0}. If it runs on "
    "another one, ask there:  afcost {0} RUN"
)


class CannotControl(Exception):
    """What is asked of a run cannot be done; says why."""


def control_run(folder: Path, what: str) -> str:
    """Ask a run to pause, to go on, or to stop, and return what was done, for people.

    Args:
        folder: of the run.
        what: `pause`, `resume` or `stop`.

    Raises:
        CannotControl: it is not running, or its notes cannot be written.
        RunnerError: it cannot be read.
    """
    location = open_run_folder(folder).ledger_location
    try:
        with open_notes(location) as notes:
            return ACTIONS[what](notes, location)
    except OSError as error:
        raise CannotControl(
            f"The run folder cannot be written: {error.strerror}. Where it is another machine's, "
            f"ask there:  afcost {what} RUN"
        ) from error
    except LedgerError as error:
        raise CannotControl(f"{error}") from error


def _pause(notes: Notes, location: Location) -> str:
    if not is_running(location):
        raise _refuse(location, "pause")
    if not ask_to_pause(notes, datetime.now(UTC)):
        return "It was paused already."
    return "Pausing: what is in flight comes in, nothing more is sent."


def _resume(notes: Notes, location: Location) -> str:
    if not ask_to_resume(notes):
        raise CannotControl("It is not paused.")
    if is_running(location):
        return "It goes on within a second."
    return "It is no longer paused, but nothing runs it: afcost run PLAN"


def _stop(notes: Notes, location: Location) -> str:
    if not is_running(location):
        raise _refuse(location, "stop")
    ask_to_stop(notes)
    return "Stopping: what is in flight comes in, and is judged."


def _refuse(location: Location, what: str) -> CannotControl:
    """Return why a run is not controlled; who has a file open is seen on its machine only."""
    return CannotControl((_NOT_RUNNING if location.is_shared else _NOT_HERE).format(what))


ACTIONS: Mapping[str, Callable[[Notes, Location], str]] = {
    "pause": _pause,
    "resume": _resume,
    "stop": _stop,
}
