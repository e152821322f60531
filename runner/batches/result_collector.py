"""The result collector: asks what became of a batch, and settles what it did.

What its results leave out is held, but only after time in which they may become whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

from estimator.workload import PlannedModel
from providers.batches import BatchState, RemoteBatch
from runner.batches.chunk_store import ChunkStore
from runner.batches.line_settler import LineSettler
from runner.batches.notes import Moment, begin_wait, count_wait, find_passed, has_waited
from runner.ledger import ChunkNote
from runner.transport import NotBilled, Unknown
from runner.transport.batches import BatchTransport

# Results that are not whole become so within minutes; most batches are done within an hour of their
# start, and none is known to tell more of itself so long after it has ended.
_WHOLE_WITHIN = timedelta(hours=1)
_LEAST_FETCHES = 4  # before what results say is taken for all that they will
_FETCHED_EVERY = timedelta(minutes=5)  # after those
_FORGOTTEN = timedelta(days=31)  # after it was due; no provider is known that keeps results longer


class GiveBack(Protocol):
    """Frees all of a chunk, of which nothing was done."""

    async def __call__(self, note: ChunkNote, why: str, *, is_queue_full: bool = False) -> None:
        """Free it; `is_queue_full` where a smaller one later may do."""


class ResultCollector:
    """Collects batches that were created.

    Args:
        store: of the chunks.
        settler: settles their lines.
        models: written name -> model.
        client: asks.
        read_moment: returns now, by this machine's clock and that of a chunk's provider.
        give_back: frees a chunk that was refused as a whole.
        troubles: name of a chunk -> what is wrong with it now, in words; added to.
    """

    def __init__(  # noqa: PLR0913 - what a collection is made of
        self,
        store: ChunkStore,
        settler: LineSettler,
        models: Mapping[str, PlannedModel],
        client: BatchTransport,
        read_moment: Callable[[ChunkNote], Moment],
        give_back: GiveBack,
        troubles: dict[str, str],
    ) -> None:
        self._store, self._settler, self._models = store, settler, models
        self._client, self._read_moment, self._give_back = client, read_moment, give_back
        self._troubles = troubles

    async def poll(self, note: ChunkNote) -> None:
        """Ask what became of a batch, and collect it where it has ended."""
        name = self._models[note.model].name
        batch = await self._client.poll(name, note.batch)
        if not isinstance(batch, RemoteBatch):
            await self._note_untold(note, batch, batch.failure.message)
            return
        if why := self._store.find_mistake(note, batch):
            self._troubles[note.chunk] = why
            return
        told = {
            "status": batch.status,
            "succeeded": batch.succeeded or note.succeeded,
            "failed": batch.failed,
        }
        match batch.state:
            case BatchState.WORKING:
                if batch.status != note.status or (batch.succeeded and not note.succeeded):
                    self._store.record(note, **told)
            case BatchState.FAILED if not self._has_answered(note):
                why = f"{name.provider} refused the batch: {batch.problem or batch.status}"
                await self._give_back(note, why, is_queue_full=batch.too_many_queued)
            case BatchState.FAILED | BatchState.ENDED:
                await self._collect(self._store.record(note, **told), batch)

    @staticmethod
    def _has_answered(note: ChunkNote) -> bool:
        """Return whether lines were done, so that it was not refused, whatever is said of it now.

        What was fetched once is there, and was billed, also where the results left lines out.
        """
        return bool(note.succeeded or note.fetches)

    async def _note_untold(self, note: ChunkNote, told: NotBilled | Unknown, why: str) -> None:
        """Take note that nothing was told of a batch, or hold its money where nothing ever will."""
        self._troubles[note.chunk] = why
        is_gone = note.due is not None and self._read_moment(note).here > note.due + _FORGOTTEN
        if is_gone and isinstance(told, NotBilled) and not told.failure.retries:
            await self._settler.hold_all(note, f"its provider does not know its batch: {why}")
            self._store.end(note, problem=why)

    async def _collect(self, note: ChunkNote, batch: RemoteBatch) -> None:
        """Settle what a batch did; what its results leave out is held, once it was waited for."""
        name = self._models[note.model].name
        if self._was_fetched_just_now(note):
            self._troubles[note.chunk] = note.problem
            return
        now = self._read_moment(note)
        waited = count_wait(note, now, _WHOLE_WITHIN) if note.fetches else begin_wait(note, now)
        is_last = note.fetches + 1 >= _LEAST_FETCHES and has_waited(waited, _WHOLE_WITHIN)
        path = self._store.results_file(note)
        path.unlink(missing_ok=True)
        fetched = await self._client.fetch_results(name, batch, path, note.lines, takes_cut=is_last)
        if isinstance(fetched, NotBilled | Unknown):
            why = f"its results cannot be fetched: {fetched.failure.message}"
            await self._note_untold(note, fetched, why)
            if isinstance(fetched, Unknown) and not is_last:
                self._note_fetch(waited, why)
            return
        problems = await self._settler.settle_results(note, self._client, name)
        missing = len(self._store.open_lines(note).numbers)
        if missing and not is_last:
            self._note_fetch(waited, f"its results leave out {missing:,} of its requests")
            return
        said = [batch.problem, *problems[:1]]
        if missing:
            said.append(f"its results say nothing of {missing:,} of its requests")
            await self._settler.hold_all(note, "its batch's results say nothing of it")
        self._store.end(waited, problem="; ".join(filter(None, said)))

    def _note_fetch(self, note: ChunkNote, why: str) -> None:
        """Take note that results were not whole, so that they are fetched again."""
        self._store.record(note, fetches=note.fetches + 1, problem=why)
        self._troubles[note.chunk] = why

    def _was_fetched_just_now(self, note: ChunkNote) -> bool:
        """Return whether results that are still not whole were fetched a short while ago."""
        if note.fetches < _LEAST_FETCHES or not note.waited_here:
            return False
        return find_passed(note, self._read_moment(note)) < _FETCHED_EVERY
