"""What is said of the batches that are away, in a line for each, or in one for all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from runner.ledger import ChunkNote, ChunkState

_WORDS = {
    ChunkState.INTENDED: "not sent yet",
    ChunkState.UPLOADED: "not sent yet",
    ChunkState.CREATING: "it is not known yet whether it was made",
    ChunkState.CREATED: "working",
    ChunkState.ENDED: "ended",
}


def describe_chunks(
    chunks: Collection[ChunkNote],
    troubles: Mapping[str, str],
    now: datetime,
    *,
    is_short: bool = False,
) -> str:
    """Say which batches are away; empty where none is.

    Args:
        chunks: that are open.
        troubles: name of a chunk -> what is wrong with it, in words.
        now: the time.
        is_short: all in one line.
    """
    if not chunks:
        return ""
    if is_short:
        requests = sum(each.lines for each in chunks)
        said = f"{_count(len(chunks), 'batch', 'batches')} away with {requests:,} requests"
        wrong = next((troubles[each.chunk] for each in chunks if each.chunk in troubles), "")
        return f"{said}; {wrong}" if wrong else said
    return "\n".join(describe_chunk(each, now, troubles.get(each.chunk, "")) for each in chunks)


def describe_chunk(note: ChunkNote, now: datetime, trouble: str = "") -> str:
    """Say of a batch what it is, how far it has come, how old it is, and when it ends."""
    parts = [
        f"{_count(note.lines, 'request', 'requests')} of {note.model} ({note.stage})",
        note.status or _WORDS[note.state],
    ]
    if note.succeeded is not None and note.succeeded + (note.failed or 0):
        parts.append(f"{note.succeeded + (note.failed or 0):,} done")
    if note.intended_at:
        parts.append(f"{describe_span(now, note.intended_at)} old")
    if note.due is not None:
        parts.append(f"ends by {note.due:%Y-%m-%d %H:%M} UTC")
    return ", ".join(filter(None, (*parts, trouble)))


def describe_span(now: datetime, since: str) -> str:
    """Return how long ago a time in ISO form was, in its largest unit."""
    seconds = max((now - datetime.fromisoformat(since)).total_seconds(), 0.0)
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.0f} s"


def _count(number: int, one: str, more: str) -> str:
    return f"{number:,} {one if number == 1 else more}"
