"""The chunk watch: when open chunks are looked at, what came of that, and what is said of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from runner.batches.batch_work import BatchWork
from runner.batches.chunk_keeper import ChunkKeeper
from runner.batches.chunk_store import ChunkStore
from runner.batches.line_settler import LineSettler
from runner.batches.notes import describe_chunks
from runner.execution import Progress

_SLICE = 0.1  # seconds between looks at whether to stop


class ChunkWatch:
    """Has open chunks taken further, and tells of them.

    Args:
        work: with the time between looks.
        store: of the chunks.
    """

    def __init__(self, work: BatchWork, store: ChunkStore) -> None:
        self._work, self._store = work, store
        self._looked_at = -work.poll  # on a clock that only goes forward
        self._troubles: dict[str, str] = {}
        self._settler: LineSettler | None = None
        self._progress = Progress()

    def attach(self, settler: LineSettler, progress: Progress) -> None:
        """Add to the progress of an execution what a settler settles."""
        self._settler, self._progress = settler, progress

    @property
    def is_due(self) -> bool:
        """Whether it is time for a look at open chunks."""
        return time.monotonic() - self._looked_at >= self._work.poll

    def note_look(self) -> None:
        """Take note that open chunks were looked at now."""
        self._looked_at = time.monotonic()

    async def rest(self, is_stopped: Callable[[], bool]) -> None:
        """Wait until it is time to look at chunks again, or everything is to stop."""
        while not is_stopped() and not self.is_due:
            self.show()
            left = self._work.poll - (time.monotonic() - self._looked_at)
            await asyncio.sleep(min(_SLICE, max(left, 0.0)))

    async def advance(self, keeper: ChunkKeeper, chunk: str) -> None:
        """Take the next steps of a chunk."""
        assert self._settler is not None  # noqa: S101 - it was attached
        answered = self._settler.answered
        await keeper.advance(self._store.notes[chunk])
        self._progress.answered += self._settler.answered - answered
        self._troubles = {
            name: why
            for name, why in (self._troubles | keeper.troubles).items()
            if name in self._store.notes and (name != chunk or name in keeper.troubles)
        }

    async def cancel_breached(self, keeper: ChunkKeeper) -> None:
        """Have batches ended of models that billed more than was reserved: they may again.

        Other models' batches go on, and so do all of them after an account was refused: what is
        reserved for them covers what they bill.
        """
        assert self._settler is not None  # noqa: S101 - it was attached
        for model in sorted(self._settler.breached):
            for note in self._store.of_model(model):
                await keeper.cancel(note)
        self._troubles |= keeper.troubles

    def describe(self, *, is_short: bool = False) -> str:
        """Return what is at providers, for a person; empty where nothing is."""
        notes, now = self._store.notes.values(), self._work.read_clock()
        return describe_chunks(notes, self._troubles, now, is_short=is_short)

    def show(self) -> None:
        """Have the progress say it."""
        self._progress.batches = self.describe(is_short=True)
