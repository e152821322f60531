"""What processes of a run ask of each other: to pause, to go on, to stop; and what they leave."""

from runner.control.notes import Note, Notes, open_notes
from runner.control.wishes import (
    LeadWishes,
    Wishes,
    ask_to_pause,
    ask_to_resume,
    ask_to_stop,
    ask_workers,
    forget_lead_wishes,
    read_lead_wishes,
    read_obeyed,
    read_pauses,
    read_wishes,
    record_obeyed,
)
from runner.control.worker_list import ListedWorker, list_workers
from runner.control.worker_states import (
    StatedWait,
    WorkerState,
    count_seconds_between,
    leave_state,
    read_left_states,
    read_worker_states,
)

__all__ = [
    "LeadWishes",
    "ListedWorker",
    "Note",
    "Notes",
    "StatedWait",
    "Wishes",
    "WorkerState",
    "ask_to_pause",
    "ask_to_resume",
    "ask_to_stop",
    "ask_workers",
    "count_seconds_between",
    "forget_lead_wishes",
    "leave_state",
    "list_workers",
    "open_notes",
    "read_lead_wishes",
    "read_left_states",
    "read_obeyed",
    "read_pauses",
    "read_wishes",
    "read_worker_states",
    "record_obeyed",
]
