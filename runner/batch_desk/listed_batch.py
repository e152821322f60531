"""Listed batches: what is known of each batch of a ledger, open ones first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pricing.money import Money
from runner.ledger import ChunkNote, LedgerReader


@dataclass(frozen=True, slots=True)
class ListedBatch:
    """A batch of a ledger.

    Attributes:
        note: all that is known of it.
        billed: what is settled of its attempts.
    """

    note: ChunkNote
    billed: Money

    @property
    def done(self) -> int | None:
        """How many of its requests were done, one way or another; None where nothing tells."""
        note = self.note
        if not note.is_open:
            return note.settled
        return None if note.succeeded is None else note.succeeded + (note.failed or 0)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON; money as decimal strings of US dollars."""
        note = self.note
        return {
            "id": note.chunk,
            "state": note.state.value,
            "status": note.status,
            "batch": note.batch,
            "model": note.model,
            "stage": note.stage,
            "requests": note.lines,
            "succeeded": note.succeeded,
            "failed": note.failed,
            "settled": note.settled,
            "released": note.released,
            "held": note.held,
            "reserved_usd": Money(note.reserved).to_decimal_string(),
            "billed_usd": self.billed.to_decimal_string(),
            "since": note.intended_at,
            "until": note.due and note.due.isoformat(),
            "problem": note.problem,
        }


def list_batches(reader: LedgerReader) -> list[ListedBatch]:
    """Return the batches of a ledger: those that are open first, the oldest of them first."""
    notes = sorted(reader.chunks(), key=lambda note: not note.is_open)
    return [ListedBatch(note, reader.chunk_bill(note)) for note in notes]
