"""Batches that are away, as rows: on the terminal, as JSON, and for the live page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from rich.console import Console

from afcost.rendering import console as draw
from afcost.rendering.durations import format_duration
from experiment.definition import SUBJECT
from pricing.money import Money
from runner.ledger import ChunkNote, ChunkState
from runner.timing import AwayBatch

_HEADER = ["stage", "model", "state", "done", "age", "likely ends"]
_STATES = {
    ChunkState.INTENDED: "reserved, not sent",
    ChunkState.UPLOADED: "uploaded, not begun",
    ChunkState.CREATING: "asked for, no answer",
    ChunkState.CREATED: "working",
    ChunkState.ENDED: "ended",
}
# What providers call the states of a batch that they work on, in words; others are as they say.
_STATUSES = {
    "validating": "being checked",
    "queued": "waiting",
    "pending": "waiting",
    "in_progress": "working",
    "running": "working",
    "finalizing": "finishing",
    "cancelling": "being cancelled",
    "canceling": "being cancelled",
}


def show_batches(console: Console, batches: Sequence[AwayBatch]) -> None:
    """Print the batches that are away; nothing where none is."""
    if not batches:
        return
    number = len(batches)
    draw.print_text(console, f"{number:,} {'batch' if number == 1 else 'batches'} away:")
    rows = [
        [
            each.note.stage,
            each.note.model,
            describe_state(each.note),
            describe_done(each.note),
            describe_age(each),
            describe_end(each),
        ]
        for each in batches
    ]
    draw.print_table(console, _HEADER, rows, left_columns=3)
    problems = (f"{each.note.model}: {each.note.problem}" for each in batches if each.note.problem)
    for line in dict.fromkeys(problems):
        draw.print_text(console, f"  {line}", "yellow")


def leave_out_batches(reasons: Sequence[str], batches: Sequence[AwayBatch]) -> list[str]:
    """Return why a run ended without the lines on batches that have rows, which say more."""
    names = [f" of {each.note.model} ({each.note.stage})" for each in batches]
    return [line for line in reasons if not any(name in line for name in names)]


def describe_state(note: ChunkNote) -> str:
    """Return the state of a batch in plain words."""
    if note.state is not ChunkState.CREATED or not note.status:
        return _STATES[note.state]
    plain = note.status.lower().removeprefix("job_state_").removeprefix("batch_state_")
    return _STATUSES.get(plain, note.status)


def describe_done(note: ChunkNote) -> str:
    """Return how many of a batch's requests are done, as its provider tells."""
    done = count_done(note)
    return f"{'–' if done is None else f'{done:,}'} of {note.lines:,}"


def count_done(note: ChunkNote) -> int | None:
    """Return how many of a batch's requests are done; None where its provider does not tell."""
    if note.succeeded is None and note.failed is None:
        return None
    return (note.succeeded or 0) + (note.failed or 0)


def describe_age(batch: AwayBatch) -> str:
    """Return how long ago a batch was asked for, or else reserved."""
    since = batch.note.asked_at or batch.note.intended_at
    return format_duration(count_age(batch)) if since else "–"


def count_age(batch: AwayBatch) -> float:
    """Return how many seconds ago a batch was asked for, or else reserved."""
    since = batch.note.asked_at or batch.note.intended_at
    if not since:
        return 0.0
    return max((batch.at - datetime.fromisoformat(since)).total_seconds(), 0.0)


def describe_end(batch: AwayBatch) -> str:
    """Return when a batch likely ends, and until when it does, by the reader's clock."""
    due = batch.note.due
    if batch.left is None:
        return "–"
    if due is not None and due <= batch.at:
        return f"overdue since {_format_clock(due, batch.at)}"
    ends = [
        _format_clock(batch.at + timedelta(seconds=each), batch.at)
        for each in (batch.left.likely, batch.left.high)
    ]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} (until {ends[1]})"


def _format_clock(moment: datetime, now: datetime) -> str:
    local = moment.astimezone()
    same_day = local.date() == now.astimezone().date()
    return local.strftime("%H:%M" if same_day else "%d %b %H:%M")


def batch_to_json(batch: AwayBatch) -> dict[str, Any]:
    """Return a batch that is away as JSON."""
    note, left = batch.note, batch.left
    return {
        "id": note.chunk,
        "state": note.state.value,
        "status": note.status,
        "said": describe_state(note),
        "batch": note.batch,
        "model": note.model,
        "stage": note.stage,
        "requests": note.lines,
        "done": count_done(note),
        "succeeded": note.succeeded,
        "failed": note.failed,
        "reserved_usd": Money(note.reserved).to_decimal_string(),
        "since": note.asked_at or note.intended_at,
        "likely_end": left and (batch.at + timedelta(seconds=left.likely)).isoformat(),
        "until": note.due and note.due.isoformat(),
        "problem": note.problem,
    }


def name_work(note: ChunkNote) -> str:
    """Return what the requests of a batch are for."""
    return "answers" if note.stage == SUBJECT else f"judge {note.stage}"
