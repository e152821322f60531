"""The chunk keeper: takes one chunk from its reservation to its end, one step at a time.

    intended -> uploaded -> creating -> created -> ended

`creating` is recorded, durably, before a provider is asked for a batch. Whatever happens from then
on, the batch is looked for before anything of the chunk is sent again: it may exist, and bill. What
a provider refuses, and what certainly does not exist, is free again and planned once more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from estimator.workload import PlannedModel
from providers.batches import RemoteBatch
from providers.errors import NotTaken
from providers.failures import Failure, FailureMeaning
from runner.batches.chunk_store import ChunkStore
from runner.batches.line_settler import LineSettler
from runner.batches.notes import Moment, begin_wait, count_wait, end_wait, has_waited
from runner.batches.result_collector import ResultCollector
from runner.ledger import ChunkNote, ChunkState
from runner.transport import NotBilled, Unknown
from runner.transport.batches import BatchTransport

_MOST_TRIES = 10  # of uploading and creating a chunk, in one execution
_APPEARS_WITHIN = timedelta(minutes=15)  # a batch that was asked for, if it was made at all
_MAY_APPEAR = "it was sent a short while ago, and may still appear"
_LATE = timedelta(hours=2)  # after which a batch that was due is looked for no longer


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a chunk came to nothing, and what that means for others.

    Attributes:
        model: as the experiment writes it.
        why: in words.
        is_queue_full: a smaller one later may do.
        stops_account: nothing is sent to anyone any more.
    """

    model: str
    why: str
    is_queue_full: bool = False
    stops_account: bool = False


class ChunkKeeper:
    """Takes chunks to their ends.

    Args:
        store: of the chunks.
        settler: settles their lines.
        models: written name -> model.
        client: sends.
        may_send: returns whether anything new may be sent now.
        on_refusal: is called where a chunk came to nothing.
        tries: name of a chunk -> how often it was tried to send it; counted on here.
        read_clock: returns now, in UTC.

    Attributes:
        troubles: name of a chunk -> what is wrong with it now, in words.
    """

    def __init__(  # noqa: PLR0913 - what a chunk goes through
        self,
        store: ChunkStore,
        settler: LineSettler,
        models: Mapping[str, PlannedModel],
        client: BatchTransport,
        may_send: Callable[[], bool],
        on_refusal: Callable[[Refusal], None],
        tries: Counter[str],
        read_clock: Callable[[], datetime],
    ) -> None:
        self.troubles: dict[str, str] = {}
        self._store, self._settler, self._models = store, settler, models
        self._client, self._may_send, self._on_refusal = client, may_send, on_refusal
        self._tries, self._read_clock = tries, read_clock
        self._collector = ResultCollector(
            store, settler, models, client, self._read_moment, self._give_back, self.troubles
        )

    async def advance(self, note: ChunkNote) -> None:
        """Take the next steps of a chunk, as far as they can be taken now."""
        self.troubles.pop(note.chunk, None)
        match note.state:
            case ChunkState.INTENDED | ChunkState.UPLOADED:
                if self._may_send():
                    await self._send(note)
            case ChunkState.CREATING:
                await self._look_for(note)
            case ChunkState.CREATED:
                await self._collector.poll(note)
            case ChunkState.ENDED:
                pass

    async def cancel(self, note: ChunkNote) -> None:
        """Ask for a batch to be ended; what was done of it is collected as ever."""
        if note.state is not ChunkState.CREATED:
            return
        told = await self._client.cancel(self._models[note.model].name, note.batch)
        if not isinstance(told, RemoteBatch):
            self.troubles[note.chunk] = f"it cannot be cancelled: {told.failure.message}"
        elif why := self._store.find_mistake(note, told):
            self.troubles[note.chunk] = why
        else:
            self._store.record(note, status=told.status)
            self.troubles[note.chunk] = "its provider was asked to cancel it"

    async def _send(self, note: ChunkNote) -> None:
        name = self._models[note.model].name
        if note.state is ChunkState.INTENDED:
            if why := self._write(note):
                await self._give_back(note, why)
                return
            if self._client.takes_file(name):
                uploaded = await self._client.upload(name, self._store.describe(note))
                if isinstance(uploaded, NotBilled | Unknown):
                    await self._try_later(note, uploaded.failure)
                    return
                file = uploaded.file_id
                note = self._store.record(note, state=ChunkState.UPLOADED, file=file)
                if not self._may_send():  # an upload takes long: the approval may have ended
                    return
        await self._create(note)

    def _write(self, note: ChunkNote) -> str:
        """Write the lines of a chunk to its file; return why that cannot be, if it cannot."""
        name, lines = self._models[note.model].name, self._store.open_lines(note).write()
        try:
            written = self._client.write_lines(name, lines, self._store.lines_file(note))
        except NotTaken as error:
            return f"{name.provider} would refuse it: {error}"
        if written.lines == note.lines:
            return ""
        return f"of its {note.lines:,} requests {written.lines:,} can be written"

    async def _create(self, note: ChunkNote) -> None:
        before, name = note.state, self._models[note.model].name
        note = self._store.record(
            begin_wait(note, self._read_moment(note)),
            state=ChunkState.CREATING,
            asked_at=self._read_clock().isoformat(),
            key_mark=self._client.mark_key(name, note.chunk),
        )
        created = await self._client.create(name, self._store.describe(note))
        match created:
            case RemoteBatch():
                if why := self._store.find_mistake(note, created):
                    self.troubles[note.chunk] = f"it is not known whether it was made: {why}"
                else:
                    self._note_created(note, created)
            case NotBilled(failure):
                note = self._store.record(note, state=before, problem=failure.message)
                await self._try_later(note, failure)
            case Unknown(failure):
                self.troubles[note.chunk] = (
                    f"it is not known whether it was made: {failure.message}"
                )

    def _note_created(self, note: ChunkNote, batch: RemoteBatch) -> ChunkNote:
        return self._store.record(
            end_wait(note),
            state=ChunkState.CREATED,
            batch=batch.id,
            status=batch.status,
            problem="",
        )

    async def _try_later(self, note: ChunkNote, failure: Failure) -> None:
        """Leave a chunk for another try, or free its money: nothing of it was made."""
        self._tries[note.chunk] += 1
        if failure.retries and self._tries[note.chunk] < _MOST_TRIES:
            self.troubles[note.chunk] = failure.message
            return
        why = "; ".join(filter(None, (failure.message.removesuffix("."), failure.mend)))
        # Some say so, and not later, that too many tokens wait.
        is_full = failure.meaning is FailureMeaning.RATE_LIMIT
        await self._give_back(note, why, is_queue_full=is_full, stops_account=failure.stops_account)

    async def _give_back(
        self,
        note: ChunkNote,
        why: str,
        *,
        is_queue_full: bool = False,
        stops_account: bool = False,
    ) -> None:
        """Free all of a chunk: nothing of it was done, and no more of its model is sent for now."""
        await self._settler.release_all(note, why)
        self._store.end(note, problem=why, is_queue_full=is_queue_full)
        self._on_refusal(Refusal(note.model, why, is_queue_full, stops_account))

    async def _look_for(self, note: ChunkNote) -> None:
        """Look for a batch of which it is not known whether it was made."""
        found = await self._client.find(self._models[note.model].name, self._store.describe(note))
        if found.batch is not None:
            self._note_created(note, found.batch)
        elif not self._was_waited_for(note, _APPEARS_WITHIN):
            self.troubles[note.chunk] = f"it is looked for: {found.why or _MAY_APPEAR}"
        elif found.is_sure:
            await self._settler.release_all(note, "its batch was never made")
            self._store.end(note, problem="it was never made")
        elif note.due is not None and self._read_clock() > note.due + _LATE:
            why = f"it is not known whether its batch was made: {found.why}"
            await self._settler.hold_all(note, why)
            self._store.end(note, problem=why)
        else:
            self.troubles[note.chunk] = f"it is looked for: {found.why}"

    def _was_waited_for(self, note: ChunkNote, whole: timedelta) -> bool:
        """Return whether all of a time was waited; the time since the last look is counted."""
        counted = self._store.record(count_wait(note, self._read_moment(note), whole))
        return has_waited(counted, whole)

    def _read_moment(self, note: ChunkNote) -> Moment:
        there = self._client.read_clock(self._models[note.model].name)
        return Moment(self._read_clock(), there)
