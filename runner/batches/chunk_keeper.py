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
from providers.batches import BatchState, RemoteBatch
from providers.errors import NotTaken
from providers.failures import Failure, FailureMeaning
from runner.batches.chunk_store import ChunkStore
from runner.batches.line_settler import LineSettler
from runner.batches.waiting import (
    Moment,
    begin_wait,
    count_wait,
    end_wait,
    find_passed,
    has_waited,
)
from runner.ledger import ChunkNote, ChunkState
from runner.transport import NotBilled, Unknown
from runner.transport.batches import BatchTransport

_MOST_TRIES = 10  # of uploading and creating a chunk, in one execution
_APPEARS_WITHIN = timedelta(minutes=15)  # a batch that was asked for, if it was made at all
# Results that are not whole become so within minutes; most batches are done within an hour of their
# start, and none is known to tell more of itself so long after it has ended.
_WHOLE_WITHIN = timedelta(hours=1)
_LEAST_FETCHES = 4  # before what results say is taken for all that they will
_FETCHED_EVERY = timedelta(minutes=5)  # after those
_MAY_APPEAR = "it was sent a short while ago, and may still appear"
_LATE = timedelta(hours=2)  # after which a batch that was due is looked for no longer
_FORGOTTEN = timedelta(days=31)  # after it was due; no provider is known that keeps results longer


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
                await self._poll(note)
            case ChunkState.ENDED:
                pass

    async def cancel(self, note: ChunkNote) -> None:
        """Ask for a batch to be ended; what was done of it is collected as ever."""
        if note.state is not ChunkState.CREATED:
            return
        told = await self._client.cancel(self._models[note.model].name, note.batch)
        if not isinstance(told, RemoteBatch):
            self.troubles[note.chunk] = f"it cannot be cancelled: {told.failure.message}"
        elif why := self._find_mistake(note, told):
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
                if why := self._find_mistake(note, created):
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

    async def _poll(self, note: ChunkNote) -> None:
        name = self._models[note.model].name
        batch = await self._client.poll(name, note.batch)
        if not isinstance(batch, RemoteBatch):
            await self._note_untold(note, batch, batch.failure.message)
            return
        if why := self._find_mistake(note, batch):
            self.troubles[note.chunk] = why
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
                why = batch.problem or f"{name.provider} refused the batch"
                await self._give_back(note, why, is_queue_full=batch.too_many_queued)
            case BatchState.FAILED | BatchState.ENDED:
                await self._collect(self._store.record(note, **told), batch)

    def _find_mistake(self, note: ChunkNote, batch: RemoteBatch) -> str:
        """Return why what was told is of another batch than this chunk's; empty where it is not.

        Nothing of it is believed then: it may say of lines that they were never done.
        """
        is_known = batch.id in self._store.describe(note).other_batches
        if is_known or (note.batch and batch.id != note.batch):
            return f"its provider answered with another batch, {batch.id}"
        if batch.chunk not in ("", note.chunk):
            return f"its provider answered with the batch of another chunk, {batch.chunk}"
        return ""

    @staticmethod
    def _has_answered(note: ChunkNote) -> bool:
        """Return whether lines were done, so that it was not refused, whatever is said of it now.

        What was fetched once is there, and was billed, also where the results left lines out.
        """
        return bool(note.succeeded or note.fetches)

    async def _note_untold(self, note: ChunkNote, told: NotBilled | Unknown, why: str) -> None:
        """Take note that nothing was told of a batch, or hold its money where nothing ever will."""
        self.troubles[note.chunk] = why
        is_gone = note.due is not None and self._read_clock() > note.due + _FORGOTTEN
        if is_gone and isinstance(told, NotBilled) and not told.failure.retries:
            await self._settler.hold_all(note, f"its provider does not know its batch: {why}")
            self._store.end(note, problem=why)

    async def _collect(self, note: ChunkNote, batch: RemoteBatch) -> None:
        """Settle what a batch did; what its results leave out is held, once it was waited for."""
        name = self._models[note.model].name
        if self._was_fetched_just_now(note):
            self.troubles[note.chunk] = note.problem
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
        self.troubles[note.chunk] = why

    def _was_fetched_just_now(self, note: ChunkNote) -> bool:
        """Return whether results that are still not whole were fetched a short while ago."""
        if note.fetches < _LEAST_FETCHES or not note.waited_here:
            return False
        return find_passed(note, self._read_moment(note)) < _FETCHED_EVERY
