"""What processes of a run ask of each other: to pause, to go on, to stop."""

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

__all__ = [
    "Note",
    "Notes",
    "Wishes",
    "ask_to_pause",
    "ask_to_resume",
    "ask_to_stop",
    "open_notes",
    "read_obeyed",
    "read_wishes",
    "record_obeyed",
]
