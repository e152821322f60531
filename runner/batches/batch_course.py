"""The course of a run with batches: what is sent in chunks, and which jobs are calls meanwhile.

It is asked for the next block of calls (`BlockQueue`), and does all that batches need before it
returns one: collects what has ended, sends what there is money and room for, and, while there is
nothing else to do, waits. Verdicts go before further subjects: their answers are paid for.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import chain

from experiment.prompts import Request
from pricing.money import Money
from runner.batches.asked_again import AskedAgain
from runner.batches.batch_work import BatchWork
from runner.batches.chunk_keeper import ChunkKeeper, Refusal
from runner.batches.chunk_rooms import ChunkRooms
from runner.batches.chunk_store import ChunkStore
from runner.batches.chunk_watch import ChunkWatch
from runner.batches.cutting import MOST_ATTEMPTS, ChunkCutter, Cut
from runner.batches.job_places import JobPlaces
from runner.batches.line_settler import LineSettler
from runner.batches.notes import write_price
from runner.batches.pending_work import OpenJob, PendingWork
from runner.billing import WorstCaseCost
from runner.execution import (
    NO_CELLS,
    Cells,
    Job,
    Progress,
    ResumeState,
    SlotPool,
    SlowStart,
    StopReason,
    describe_shortage,
    describe_unsent,
    find_done_places,
)
from runner.ledger import ChunkNote

_CALLS_AT_ONCE = 500  # jobs, before batches are looked at again
_UNPRICED = (
    "its price in batches is not known any more, or is above that of calls, so no more batches are "
    "sent; once those that are away are collected, a run without --batch sends the rest as calls"
)


@dataclass(slots=True)
class _Ends:
    """Why a course goes no further, as far as it is known."""

    stop: str = ""  # a breach, an account that is refused: nothing more is sent
    refused: dict[str, str] = field(default_factory=dict)  # model -> why
    unpaid: Money | None = None  # of the next block


class BatchCourse:
    """Chooses the blocks of calls of a run, and has all else sent in batches.

    Args:
        work: what it needs to know.
    """

    def __init__(self, work: BatchWork) -> None:
        self._work, self._ledger = work, work.ledger
        resume = ResumeState.from_ledger(work.ledger)
        self._worst_case = WorstCaseCost(
            work.requests, work.models, resume.bound_excess, resume.repeats
        )
        self._again = AskedAgain(work.requests, work.ledger, work.work)
        self._pending = PendingWork(
            work.requests,
            work.seed,
            work.ledger,
            work.batched,
            self._again,
            answered_only=work.answered_only,
        )
        self._places = JobPlaces(work.requests, work.seed, work.ledger)
        self._store = ChunkStore(
            work.ledger, self._pending, self._places, work.folder, work.work, work.labels
        )
        self._cutter = ChunkCutter(
            self._pending, self._worst_case, work.ledger.allocated_to, self._give_up
        )
        self._rooms = ChunkRooms(work, self._store, lambda model: self._slow_starts[model].size)
        self._ends = _Ends()
        self._settler: LineSettler | None = None
        self._progress = Progress()
        self._slow_starts: dict[str, SlowStart] = {}
        self._tries: Counter[str] = Counter()
        self._calls: list[int] = []  # of the block that was returned last
        self._postponed: list[int] = []
        self._has_begun = False
        self._watch = ChunkWatch(work, self._store)
        self._unsent = 0  # subject requests that are not answered, of those that are not sent

    def attach(
        self, progress: Progress, slots: SlotPool, slow_starts: dict[str, SlowStart]
    ) -> None:
        """Follow, and add to, the progress of the execution that does the calls.

        Args:
            progress: of it.
            slots: of its models, which learn of how batches bill.
            slow_starts: of its models.
        """
        self._progress, self._slow_starts = progress, slow_starts
        self._settler = LineSettler(
            self._ledger,
            self._store,
            self._pending,
            self._worst_case,
            self._work.models,
            slots,
            self._stop,
        )
        self._watch.attach(self._settler, progress)

    @property
    def batched(self) -> frozenset[str]:
        """Written names of the models that are sent batches, and no calls."""
        return self._work.batched

    @property
    def has_open_chunks(self) -> bool:
        """Whether anything is at a provider, or may be."""
        return bool(self._store.notes)

    def next_block(self) -> Collection[int]:
        """Return the next jobs that are done by calls; none where there is nothing more to do."""
        return asyncio.run(self._find_block())

    def find_ended_cells(self) -> Cells:
        """Return none: each cell is done to its end."""
        return NO_CELLS

    def postpone(self, jobs: Sequence[Job]) -> bool:
        """Leave jobs that the cap does not cover for later, where batches may free money.

        Those are away, or are cut of what the calls of this block leave to them. What comes later
        in the block is left as well, so that conditions stay balanced.
        """
        first = min(job.place for job in jobs)
        may_free = bool(self._store.notes) or any(place < first for place in self._calls)
        if may_free:
            self._postponed += [place for place in self._calls if place >= first]
        return may_free

    def describe_end(self) -> tuple[StopReason, str]:
        """Return how an execution ended that nothing else ended, and what there is to say."""
        ends, failed = self._ends, self._settler.failed if self._settler else []
        open_chunks = self._watch.describe()
        refused = "\n".join(f"{model}: {why}" for model, why in ends.refused.items())
        self._progress.failed += failed
        if ends.stop:
            return StopReason.STOPPED, "\n".join(filter(None, (ends.stop, open_chunks)))
        if open_chunks:
            return StopReason.AWAY, "\n".join(filter(None, (refused, open_chunks)))
        if why := self._work.collects_only or refused:
            return StopReason.STOPPED, why
        if failed:
            return StopReason.FAILED, ""
        if ends.unpaid is not None:
            shortage = describe_shortage(ends.unpaid, self._ledger.balance.free)
            return StopReason.CAP, f"the next block of conditions {shortage}"
        left = describe_unsent(self._unsent) if self._unsent else ""
        return StopReason.JUDGED if left else StopReason.COMPLETE, left

    def describe_open(self) -> str:
        """Return what is at providers, for a person; empty where nothing is."""
        return self._watch.describe()

    async def _find_block(self) -> Collection[int]:
        assert self._settler is not None  # noqa: S101 - it was attached
        if not self._has_begun:
            self._begin()
        self._look_again()
        async with self._work.open_transport() as client:
            keeper = ChunkKeeper(
                self._store,
                self._settler,
                self._work.models,
                client,
                self._may_send,
                self._note_refusal,
                self._tries,
                self._work.read_clock,
            )
            while not self._is_stopped():
                await self._look_at_chunks(keeper)
                await self._send_chunks(keeper)
                if self._is_stopped():
                    break
                if not self._work.collects_only and (
                    calls := self._pending.take_calls(_CALLS_AT_ONCE)
                ):
                    self._calls = calls
                    return calls
                if not self._store.notes and self._postponed:
                    self._offer_postponed()
                    continue
                if not self._store.notes or not self._work.waits:
                    break
                await self._watch.rest(self._is_stopped)
            await self._watch.cancel_breached(keeper)
        self._watch.show()
        return ()

    def _is_stopped(self) -> bool:
        return bool(self._ends.stop) or self._progress.end is not None

    def _may_send(self) -> bool:
        ledger = self._ledger
        return (
            not self._is_stopped()
            and not self._progress.is_paused
            and not ledger.is_overdrawn
            and not ledger.stop_reason
            and not self._work.collects_only
            and self._work.may_begin()
        )

    def _begin(self) -> None:
        """Look at each job that was begun; what is left of its answers' judges is covered first.

        Those that are away are looked at once their batch is collected.
        """
        self._has_begun = True
        work, away = self._work, self._store.jobs_away
        done = bytearray()
        if not self._again.may_be:  # a verdict that is to be asked again looks like any other
            done = find_done_places(work.requests, work.seed, self._ledger)
        self._pending.mark_known(place for place, is_done in enumerate(done) if is_done)
        away_places = self._places.find(away).values()
        self._pending.mark_known(away_places)
        begun = set(self._ledger.touched_jobs()) - away
        places = sorted(self._places.find(begun, done).values())
        self._pending.mark_known(places)
        if work.answered_only:
            touched = sum(done) + len(places) + len(away_places)
            self._unsent = work.requests.subject_count - touched
        with self._ledger.transaction(durable=False):
            for job in self._pending.look(places):
                if work.answered_only and job.turn is not None and not job.is_again:
                    self._unsent += 1
                if job.left and (job.turn is None or job.is_again):
                    assert self._settler is not None  # noqa: S101 - it was attached
                    self._ledger.allocate(job.subject.id, self._settler.price(job))
                self._pending.add(job, self._store.away)

    def _look_again(self) -> None:
        """Add what the calls of the last block leave to batches."""
        assert self._settler is not None  # noqa: S101 - it was attached
        for job in self._pending.look(self._calls):
            left = [votes for votes in job.left if votes[0].model in self._work.batched]
            if left:
                self._pending.add_batched(job, self._settler.list_left_alone(job))
        self._calls = []

    async def _look_at_chunks(self, keeper: ChunkKeeper) -> None:
        """Take each chunk a step further, if it is time for that."""
        if not self._store.notes or not self._watch.is_due:
            return
        before = len(self._store.notes)
        for note in list(self._store.notes.values()):
            if note.is_unsent and (why := self._rooms.find_why_unsent(note)):
                await self._free(note, why)
            else:
                await self._watch.advance(keeper, note.chunk)
            if self._progress.end is not None:
                break
        self._watch.note_look()
        if len(self._store.notes) < before:  # money came free
            self._offer_postponed()
        self._watch.show()

    async def _free(self, note: ChunkNote, why: str) -> None:
        """Free a chunk of which nothing was sent; what it asked for is planned once more."""
        assert self._settler is not None  # noqa: S101 - it was attached
        await self._settler.release_all(note, why)
        self._store.end(note, problem=why)

    def _offer_postponed(self) -> None:
        self._pending.add_calls(self._postponed)
        self._postponed = []

    async def _send_chunks(self, keeper: ChunkKeeper) -> None:
        """Cut, reserve and send as many chunks as there are money and room for."""
        self._ends.unpaid = None
        while self._may_send() and (chunk := self._reserve_next()):
            self._watch.show()
            await self._watch.advance(keeper, chunk)
            self._watch.note_look()

    def _reserve_next(self) -> str:
        """Reserve the next chunk; return its name, empty where there is none to send now."""
        for kind in self._pending.list_kinds():
            if kind.model in self._ends.refused or self._rooms.is_on_trial(kind.model):
                continue
            if kind.model in self._work.unpriced:
                self._ends.refused[kind.model] = _UNPRICED
                continue
            room = self._rooms.find(kind)
            if room is None or (cut := self._cutter.cut(kind, room)) is None:
                continue
            limits = self._rooms.find_limits(kind.model)
            window = None if limits is None else limits.hours
            price = write_price(self._work.models[kind.model])
            note = self._store.reserve(cut, window, price)
            if note is not None:
                return note.chunk
            self._cutter.put_back(cut)
            if self._leave_unpaid(cut):
                return self._reserve_next()
            self._ends.unpaid = cut.needed
            return ""  # what comes later must not go before it
        return ""

    def _leave_unpaid(self, cut: Cut) -> bool:
        """Leave answers as they are that there is no money to ask again for; none may come free."""
        if self._store.notes or not self._may_send():
            return False
        jobs = [job for job in cut.jobs if self._pending.leave(chain.from_iterable(job.left))]
        assert self._settler is not None  # noqa: S101 - it was attached
        self._settler.look_again([job.place for job in jobs])
        return bool(jobs)

    def _stop(self, reason: str) -> None:
        self._ends.stop = self._ends.stop or reason

    def _note_refusal(self, refusal: Refusal) -> None:
        if refusal.stops_account:
            self._stop(refusal.why)
        elif not refusal.is_queue_full:
            self._ends.refused.setdefault(refusal.model, refusal.why)
        elif not self._store.of_model(refusal.model):  # smaller by half each time, and not at once
            self._watch.note_look()

    def _give_up(self, job: OpenJob, request: Request) -> None:
        assert self._settler is not None  # noqa: S101 - it was attached
        if self._pending.leave([request]):
            self._settler.look_again([job.place])
            return
        why = (
            f"it was sent {MOST_ATTEMPTS} times in batches without an answer, and is sent no more "
            "in them; to ask it by calls, plan it without batches"
        )
        self._settler.give_up(request, why)
