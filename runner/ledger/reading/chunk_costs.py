"""Chunk costs: what became of each batch of a ledger, and what its answers were billed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from pricing.money import Money
from runner.ledger.reading.chunk_queries import ChunkQueries
from runner.ledger.reading.chunk_records import ChunkNote, ChunkState

_SELECT_TIMES = "SELECT worker, at, note FROM entry WHERE kind = 'batch' ORDER BY +seq"
_SELECT_NOTES_SINCE = "SELECT note FROM entry WHERE seq > ? AND kind = 'batch' ORDER BY seq"
# What was settled of an attempt is summed by itself: a hold may have been resolved after it.
_SUM_ATTEMPTS = """
SELECT attempt.condition, COUNT(*), COUNT(answer.attempt),
    SUM((SELECT SUM(settled) FROM entry later WHERE later.attempt = entry.attempt)),
    SUM((SELECT COUNT(*) FROM entry later
        WHERE later.attempt = entry.attempt AND later.kind = 'settle' AND later.note <> '')),
    SUM(answer.input), SUM(answer.cache_read), SUM(answer.cache_write), SUM(answer.output)
FROM entry JOIN attempt ON attempt.id = entry.attempt
LEFT JOIN answer ON answer.attempt = entry.attempt
WHERE entry.seq BETWEEN ? AND ? AND entry.kind = 'reserve'
GROUP BY attempt.condition ORDER BY MIN(entry.seq)
"""


@dataclass(frozen=True, slots=True)
class ChunkPart:
    """What the requests of a batch came to in one condition.

    Attributes:
        condition: of them.
        attempts: how many were reserved.
        answered: how many of these were answered.
        settled: what they were billed.
        noted: how many were settled in another way than by their usage, such as above it.
        input, cache_read, cache_write, output: tokens of their answers, in disjoint classes.
    """

    condition: str
    attempts: int
    answered: int
    settled: Money
    noted: int
    input: int
    cache_read: int
    cache_write: int
    output: int


@dataclass(frozen=True, slots=True)
class ChunkCost:
    """What became of a batch.

    Attributes:
        note: all that is known of it.
        parts: what its requests came to, by condition.
        seconds: from when its provider was asked for it until it was collected; None before.
        was_awaited: whether one execution waited for it; else it may have ended long before.
    """

    note: ChunkNote
    parts: tuple[ChunkPart, ...]
    seconds: float | None = None
    was_awaited: bool = False

    @property
    def settled(self) -> Money:
        """What it was billed."""
        return sum((each.settled for each in self.parts), Money())


class ChunkCosts(ChunkQueries):
    """Reads what batches came to."""

    def chunk_costs(self) -> list[ChunkCost]:
        """Return what became of each batch, in the order in which they were begun."""
        found = {
            note.chunk: ChunkCost(note, tuple(self._sum_parts(note))) for note in self.chunks()
        }
        if not found:
            return []
        asked: dict[str, str] = {}  # chunk -> the worker that asked for it
        for worker, at, text in self._database.execute(_SELECT_TIMES).fetchall():
            note = ChunkNote.from_text(str(text))
            if note.state is ChunkState.CREATING:
                asked[note.chunk] = str(worker)
            elif not note.is_open and note.asked_at:
                took = datetime.fromisoformat(str(at)) - datetime.fromisoformat(note.asked_at)
                found[note.chunk] = replace(
                    found[note.chunk],
                    seconds=max(took.total_seconds(), 0.0),
                    was_awaited=asked.get(note.chunk) == worker,
                )
        return list(found.values())

    def chunks_since(self, seq: int) -> list[ChunkNote]:
        """Return what was recorded of chunks after an entry, oldest first."""
        rows = self._database.execute(_SELECT_NOTES_SINCE, (seq,)).fetchall()
        return [ChunkNote.from_text(str(text)) for (text,) in rows]

    def _sum_parts(self, note: ChunkNote) -> list[ChunkPart]:
        last = note.first + note.attempts - 1
        rows = self._database.execute(_SUM_ATTEMPTS, (note.first, last)).fetchall()
        return [
            ChunkPart(
                str(condition),
                int(attempts),
                int(answered),
                Money(int(settled or 0)),
                *(int(each or 0) for each in counts),
            )
            for condition, attempts, answered, settled, *counts in rows
        ]
