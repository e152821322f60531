"""Chunk rooms: what may be sent now, and how much of it may be one chunk.

A chunk is small against the cap. The first one of a model is as small as slow start has it, and the
next one waits for its bill. Further limits are its provider's: requests, bytes, tokens that wait.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from pricing.money import Money
from providers.batches import BatchLimits
from runner.batches.batch_work import BatchWork
from runner.batches.chunk_store import ChunkStore
from runner.batches.cutting import MOST_LINES, ChunkRoom
from runner.batches.notes import has_price
from runner.batches.pending_work import Kind
from runner.ledger import ChunkNote

_PART_OF_CAP = 10  # a chunk is one part of so many at most, unless a block alone is more


class ChunkRooms:
    """Says what the next chunk of a kind may have.

    Args:
        work: with the limits of its providers, and its ledger.
        store: of the chunks that are open.
        find_first_size: returns how many requests slow start allows a model, until it was billed.
    """

    def __init__(
        self, work: BatchWork, store: ChunkStore, find_first_size: Callable[[str], int]
    ) -> None:
        self._work, self._store, self._find_first_size = work, store, find_first_size

    def is_on_trial(self, model: str) -> bool:
        """Return whether the first batch of a model is away: its bill is waited for."""
        return not self._store.has_bills(model) and bool(self._store.of_model(model))

    def find(self, kind: Kind) -> ChunkRoom | None:
        """Return what the next chunk of a kind may have; None where nothing may wait now."""
        limits, balance = self.find_limits(kind.model), self._work.ledger.balance
        if limits is None:
            return None
        open_chunks = self._store.of_model(kind.model)
        waiting = sum(each.tokens for each in open_chunks)
        most = self._store.queue_rooms.get(kind.model, limits.queued_tokens)
        if most is not None and open_chunks and waiting >= most:
            return None
        requests = min(limits.requests, MOST_LINES)
        if not self._store.has_bills(kind.model):
            requests = min(requests, self._find_first_size(kind.model))
        return ChunkRoom(
            requests=requests,
            size=limits.bytes,
            results=sys.maxsize if limits.answer_bytes is None else limits.answer_bytes,
            tokens=limits.bytes if most is None else max(most - waiting, 1),
            money=Money(balance.cap.pico // _PART_OF_CAP),
            free=balance.free,
        )

    def find_why_unsent(self, note: ChunkNote) -> str:
        """Return why a chunk that was reserved earlier is not sent any more; empty where it may be.

        At another price it may cost more than is reserved for it.
        """
        work = self._work
        if work.ledger.is_overdrawn:
            return "nothing of it was sent, and the cap does not cover it any more"
        may_go = not work.collects_only and note.model not in work.unpriced
        if may_go and has_price(work.models[note.model], note.price):
            return ""
        return "nothing of it was sent, and prices are not those that it was reserved at"

    def find_limits(self, model: str) -> BatchLimits | None:
        """Return what a model's batches are like; None where it has none."""
        return self._work.find_limits(self._work.providers[self._work.models[model].name.provider])
