"""The batch desk: asks providers to cancel batches, and gives up what no one can collect.

What a provider did until then is collected by the next run, as ever; what was never sent is free
at once. Each step is a transaction of its own, and asking twice does no harm.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from pricing.catalog import ModelName
from providers.batches import ChunkToSend, RemoteBatch
from providers.registry import load_providers
from runner.batch_desk.batch_keys import refuse_unconfirmed_keys
from runner.errors import BadRun, CannotSend, LedgerBusy
from runner.ledger import (
    BATCH_MARK,
    ChunkNote,
    ChunkState,
    Ledger,
    Location,
    PostgresLocation,
    is_running,
    open_job_table,
    open_ledger,
)
from runner.run_folder import RunFolder
from runner.transport import NotBilled, Unknown
from runner.transport.batches import BatchClient, BatchTransport, Found

_UNSENT = (ChunkState.INTENDED, ChunkState.UPLOADED)
_CANCELLED = "it was cancelled before anything of it was sent"
_AT_ONCE = 200  # attempts, ended in one transaction
_LEASE = 60.0  # seconds, after which a run may begin beside what waits here, and ends it


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a batch may be given up.

    Attributes:
        may_go: whether no one can collect it.
        why: in words, after its name.
    """

    may_go: bool
    why: str


class BatchDesk:
    """Ends batches of a ledger that a person wants ended.

    Args:
        ledger: open for writing.
        names: model as the experiment writes it -> its name at its provider.
        open_transport: what asks providers.
        folder: of the run.
    """

    def __init__(
        self,
        ledger: Ledger,
        names: Mapping[str, ModelName],
        open_transport: Callable[[], AbstractAsyncContextManager[BatchTransport]],
        folder: Path,
    ) -> None:
        self._ledger, self._names, self._folder = ledger, names, folder
        self._open_transport = open_transport

    def find_open(self, names: Sequence[str] = ()) -> list[ChunkNote]:
        """Return open batches by their names, or by their providers' ids; all where none is given.

        Raises:
            BadRun: one is not known, or is not open.
        """
        known = self._ledger.open_chunks()
        if not names:
            return known
        found = {each: note for note in known for each in (note.chunk, note.batch) if each}
        if missing := [name for name in names if name not in found]:
            raise BadRun(f"{missing[0]} is no batch that is open here; `afcost batches` lists them")
        return list({found[name].chunk: found[name] for name in names}.values())

    async def cancel(self, notes: Sequence[ChunkNote]) -> list[tuple[ChunkNote, str, bool]]:
        """Ask providers to cancel batches.

        Returns:
            each with what came of it, in words, and whether its provider could be asked.
        """
        found = []
        async with self._open_transport() as client:
            for note in notes:
                try:
                    found.append((note, await self._cancel(client, note), True))
                except CannotSend as error:
                    found.append((note, f"its provider cannot be asked: {error}", False))
        return found

    async def _cancel(self, client: BatchTransport, note: ChunkNote) -> str:
        if note.state in _UNSENT:
            self._end(note, _CANCELLED, is_billed=False)
            return "nothing of it was sent; its money is free"
        if note.state is ChunkState.CREATING:
            found = await client.find(self._find_name(note), self._describe(note))
            if found.batch is None:
                return "it is not known yet whether it was made; the next run looks for it"
            note = replace(note, state=ChunkState.CREATED, batch=found.batch.id, problem="")
            self._ledger.record_chunk(note)
        told = await client.cancel(self._find_name(note), note.batch)
        if not isinstance(told, RemoteBatch):
            return f"it cannot be cancelled: {told.failure.message}"
        if told.id != note.batch:
            return f"its provider answered with another batch, {told.id}"
        if told.status != note.status:
            self._ledger.record_chunk(replace(note, status=told.status))
        return f"its provider was asked to cancel it, and says: {told.status}"

    async def find_why_to_keep(self, note: ChunkNote) -> Verdict:
        """Return whether a batch has to be kept, or may be given up: no one can collect it."""
        if note.state in _UNSENT:
            return _keep("nothing of it was sent: cancel it, which frees its money")
        try:
            name = self._find_name(note)
        except CannotSend as error:
            return _let_go(f"its provider cannot be asked: {error}")
        try:
            async with self._open_transport() as client:
                if note.state is ChunkState.CREATING:
                    return _judge_found(await client.find(name, self._describe(note)))
                told = await client.poll(name, note.batch)
        except CannotSend as error:  # a key that is not set now may be set again
            return _judge_late(note, f"its provider cannot be asked: {error}")
        return _judge_told(note, told)

    def give_up(self, note: ChunkNote, why: str) -> None:
        """Hold the money of a batch that no one can collect, until it is reconciled."""
        self._end(note, f"it was given up: {why}", is_billed=True)

    def _end(self, note: ChunkNote, why: str, *, is_billed: bool) -> None:
        """End a batch: hold, or free, what is open of it."""
        lines = self._ledger.open_lines(note)
        entries = [entry for number in sorted(lines) for entry in lines[number]]
        for start in range(0, len(entries), _AT_ONCE):
            with self._ledger.transaction():
                self._ledger.refuse_evicted()
                for each in self._ledger.chunk_attempts(entries[start : start + _AT_ONCE]):
                    if is_billed:
                        self._ledger.hold(each.attempt, why)
                    else:
                        self._ledger.release(each.attempt, why, to_job=False)
        counts = self._ledger.chunk_outcomes(note)
        self._ledger.record_chunk(
            replace(
                note,
                state=ChunkState.ENDED,
                price=None,
                settled=counts.get("settle", 0),
                released=counts.get("release", 0),
                held=counts.get("hold", 0),
                problem=why,
            )
        )
        for path in (self._folder / "batches").glob(f"{note.chunk}.*"):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _find_name(self, note: ChunkNote) -> ModelName:
        if note.model not in self._names:
            raise CannotSend(f"no plan of this run has its model, {note.model}")
        return self._names[note.model]

    def _describe(self, note: ChunkNote) -> ChunkToSend:
        others = {each.batch for each in self._ledger.chunks() if each.batch}
        return ChunkToSend(
            id=note.chunk,
            path=self._folder / "batches" / f"{note.chunk}.lines.jsonl",
            lines=note.lines,
            intended_at=datetime.fromisoformat(note.intended_at),
            sent_at=datetime.fromisoformat(note.asked_at) if note.asked_at else None,
            file_id=note.file,
            key_mark=note.key_mark,
            other_batches=frozenset(others - {note.batch}),
        )


def _keep(why: str) -> Verdict:
    return Verdict(may_go=False, why=why)


def _let_go(why: str) -> Verdict:
    return Verdict(may_go=True, why=why)


def _judge_found(found: Found) -> Verdict:
    if found.batch is not None:
        return _keep("its provider has it: run the plan to collect it")
    if found.is_sure:
        return _keep("its provider does not have it: run the plan, which frees it in a while")
    return _let_go(f"it is not known whether it was made: {found.why}")


def _judge_told(note: ChunkNote, told: RemoteBatch | NotBilled | Unknown) -> Verdict:
    """Judge by what a provider tells of a batch.

    A state that passes must have lasted until after the batch was due.
    """
    if isinstance(told, RemoteBatch):
        return _keep(f"its provider knows it, and says: {told.status}; run the plan to collect it")
    failure = told.failure
    if isinstance(told, NotBilled) and not failure.retries:
        return _let_go(f"its provider does not tell of it: {failure.message}")
    return _judge_late(note, f"its provider does not tell of it: {failure.message}")


def _judge_late(note: ChunkNote, why: str) -> Verdict:
    """Let a batch go that was due before now, where it may be told of later."""
    if note.due is not None and datetime.now(UTC) > note.due:
        return _let_go(why)
    until = f" before {note.due:%Y-%m-%d %H:%M} UTC" if note.due else ""
    return _keep(f"{why}; it may be collected{until}")


@contextmanager
def open_batch_desk(run: RunFolder) -> Iterator[BatchDesk]:
    """Open the ledger of a run, and what asks the providers of its batches.

    Raises:
        LedgerBusy: a process executes the run: what it sends it must not have ended beside it.
        NotApproved: a key would go where no approval has confirmed it.
        LedgerError: the ledger cannot be opened.
    """
    location = run.ledger_location
    if location.is_shared and is_running(location):
        raise LedgerBusy(f"{location} is in use by running processes; stop them first")
    models = run.all_models()
    providers = load_providers(run.spec.providers)
    worker = f"{BATCH_MARK}{secrets.token_hex(8)}"
    with open_ledger(location, run.path, worker=worker) as ledger, _alone(location, ledger):
        used = {models[n.model].name.provider for n in ledger.open_chunks() if n.model in models}
        asked = (providers[each] for each in sorted(used))
        refuse_unconfirmed_keys(asked, ledger.witness.plan_file)
        yield BatchDesk(
            ledger,
            {written: model.name for written, model in models.items()},
            lambda: BatchClient(
                providers,
                capabilities={each.name: each.capability for each in models.values()},
            ),
            run.path,
        )


@contextmanager
def _alone(location: Location, ledger: Ledger) -> Iterator[None]:
    """Decide about batches alone: as on a file, no run begins on a shared ledger meanwhile.

    Raises:
        LedgerBusy: one has begun.
    """
    if not isinstance(location, PostgresLocation):
        ledger.recover_work()
        yield
        return
    with open_job_table(location, ledger, _LEASE) as table:
        table.register(0)  # jobs are made by what has a plan
        try:
            ledger.adopt_chunks()
            yield
        finally:
            if not ledger.failure:
                table.unregister()
