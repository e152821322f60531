"""Chunk queries: the batches of a ledger, and the attempts in them."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from pricing.money import Money
from runner.errors import LedgerError
from runner.ledger.reading.chunk_records import (
    CHUNK_MARK,
    ChunkAttempt,
    ChunkNote,
    ChunkState,
    read_chunk_name,
    read_line,
)
from runner.ledger.reading.queries import Queries, list_marks, split
from runner.ledger.records import Attempt
from runner.ledger.schema import IS_ANSWER

# `+seq`: a few rows are sorted, instead of finding all entries of a long ledger by an index.
_SELECT_NOTES = "SELECT note FROM entry WHERE kind = 'batch' ORDER BY +seq"
_SELECT_TIMES = "SELECT worker, at, note FROM entry WHERE kind = 'batch' ORDER BY +seq"
_SELECT_OPEN = """
SELECT seq, note FROM entry WHERE seq BETWEEN ? AND ? AND kind = 'reserve' AND NOT EXISTS
    (SELECT 1 FROM entry later WHERE later.attempt = entry.attempt AND later.seq > entry.seq)
ORDER BY seq
"""
_SELECT_ATTEMPTS = """
SELECT note, reserved, at, attempt.* FROM entry JOIN attempt ON attempt.id = entry.attempt
WHERE seq IN ({}) AND kind = 'reserve' AND NOT EXISTS
    (SELECT 1 FROM entry later WHERE later.attempt = entry.attempt AND later.seq > entry.seq)
ORDER BY seq
"""
_COUNT_OUTCOMES = """
SELECT last, COUNT(*) FROM (SELECT (SELECT kind FROM entry later
    WHERE later.attempt = entry.attempt ORDER BY later.seq DESC LIMIT 1) AS last
    FROM entry WHERE seq BETWEEN ? AND ? AND kind = 'reserve') AS found GROUP BY last
"""
_SUM_SETTLED = """
SELECT SUM(later.settled) FROM entry JOIN entry later ON later.attempt = entry.attempt
WHERE entry.seq BETWEEN ? AND ? AND entry.kind = 'reserve'
"""
_SELECT_LABELS = """
SELECT DISTINCT job, model, condition, query, sample FROM attempt
WHERE job IN ({}) AND request = job
"""
_SELECT_ANSWERS = """
SELECT attempt.request, entry.note FROM attempt
JOIN answer ON answer.attempt = attempt.id AND {}
JOIN entry ON entry.attempt = attempt.id AND entry.kind = 'reserve'
WHERE attempt.job IN ({}) AND entry.note LIKE ?
"""
_SELECT_TOUCHED = "SELECT DISTINCT job FROM attempt ORDER BY job"
_MOST_VALUES = 500  # of a query


class ChunkQueries(Queries):
    """Reads the chunks of a ledger."""

    def chunks(self) -> list[ChunkNote]:
        """Return what is known of each chunk, in the order in which they were begun.

        Raises:
            LedgerError: an entry cannot be read: a later version may have written it.
        """
        found: dict[str, ChunkNote] = {}
        for (text,) in self._database.execute(_SELECT_NOTES).fetchall():
            try:
                note = ChunkNote.from_text(str(text))
            except (ValueError, TypeError, KeyError) as error:
                raise LedgerError(f"what it says of a batch cannot be read: {error}") from error
            found[note.chunk] = note
        return list(found.values())

    def chunk_times(self) -> Iterator[tuple[str, float]]:
        """Yield model and seconds of each batch that was watched until it was collected.

        One that another execution collected may have ended long before.
        """
        asked: dict[str, str] = {}  # chunk -> the worker that asked for it
        for worker, at, text in self._database.execute(_SELECT_TIMES).fetchall():
            note = ChunkNote.from_text(str(text))
            if note.state is ChunkState.CREATING:
                asked[note.chunk] = str(worker)
            elif not note.is_open and note.settled and asked.get(note.chunk) == worker:
                took = datetime.fromisoformat(str(at)) - datetime.fromisoformat(note.asked_at)
                yield note.model, took.total_seconds()

    def open_chunks(self) -> list[ChunkNote]:
        """Return the chunks of which attempts may still be answered, oldest first."""
        return [each for each in self.chunks() if each.is_open]

    def open_lines(self, note: ChunkNote) -> dict[int, array[int]]:
        """Return each line of a chunk that is open -> the entries that reserved its attempts."""
        last = note.first + note.attempts - 1
        found: dict[int, array[int]] = {}
        for seq, text in self._database.execute(_SELECT_OPEN, (note.first, last)):
            found.setdefault(read_line(str(text)), array("q")).append(int(seq))
        return found

    def chunk_attempts(self, entries: Sequence[int]) -> list[ChunkAttempt]:
        """Return the attempts that some entries reserved, those that are open, in their order."""
        query = _SELECT_ATTEMPTS.format(list_marks(entries))
        return [
            ChunkAttempt(
                read_line(str(note)), Attempt.from_row(row[1:]), Money(int(reserved)), str(at)
            )
            for note, reserved, at, *row in self._database.execute(query, entries)
        ]

    def subject_labels(self, jobs: Collection[str]) -> Iterator[tuple[str, str, str, int, int]]:
        """Yield job, model, condition, query and sample of the attempts at subjects' requests."""
        for some in split(jobs, _MOST_VALUES):
            query = _SELECT_LABELS.format(list_marks(some))
            yield from self._database.execute(query, some).fetchall()

    def chunk_answers(self, jobs: Sequence[str]) -> list[tuple[str, str]]:
        """Return request and chunk of each answer that a chunk brought for some jobs."""
        query = _SELECT_ANSWERS.format(IS_ANSWER, list_marks(jobs))
        found = self._database.execute(query, (*jobs, f"{CHUNK_MARK}%"))
        return [(str(request), read_chunk_name(str(note))) for request, note in found]

    def touched_jobs(self) -> list[str]:
        """Return the jobs of which something was reserved at any time."""
        return [str(job) for (job,) in self._database.execute(_SELECT_TOUCHED)]

    def chunk_outcomes(self, note: ChunkNote) -> dict[str, int]:
        """Return the kind of the last entry -> how many attempts of a chunk have it."""
        values = (note.first, note.first + note.attempts - 1)
        return {str(kind): int(n) for kind, n in self._database.execute(_COUNT_OUTCOMES, values)}

    def chunk_bill(self, note: ChunkNote) -> Money:
        """Return what is settled of a chunk's attempts."""
        values = (note.first, note.first + note.attempts - 1)
        ((pico,),) = self._database.execute(_SUM_SETTLED, values).fetchall()
        return Money(int(pico or 0))
