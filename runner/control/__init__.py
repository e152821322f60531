"""What processes of a run ask of each other: to pause, to go on, to stop; and what they leave."""

from runner.control.notes import Note, Notes, open_notes
from runner.control.wishes import (
    Wishes,
    ask_to_pause,
    ask_to_resume,
    ask_to_stop,
    read_obeyed,
    read_wishes,
    record_obeyed,
)
from runner.control.worker_states import StatedWait, WorkerState, read_worker_states

__all__ = [
    "Note",
    "Notes",
    "StatedWait",
    "Wishes",
    "WorkerState",
    "ask_to_pause",
    "ask_to_resume",
    "ask_to_stop",
    "open_notes",
    "read_obeyed",
    "read_wishes",
    "read_worker_states",
    "record_obeyed",
]
