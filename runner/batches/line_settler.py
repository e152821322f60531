"""Settling lines: what a batch's results mean for the money and the jobs of a chunk.

The rules are those of calls (`AttemptRunner.decide`). Each line is settled once, whatever its
results say twice; many lines share a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from typing import NoReturn

from estimator.workload import PlannedModel
from experiment.prompts import Request, join_votes
from pricing.catalog import ModelName
from pricing.money import Money
from providers.batches import LineEnd, name_line, parse_line_name
from runner.batches.chunk_lines import ChunkLine, ChunkLines
from runner.batches.chunk_store import ChunkStore
from runner.batches.line_budget import LineBudget
from runner.batches.notes import price_as_reserved
from runner.batches.pending_work import OpenJob, PendingWork
from runner.billing import WorstCaseCost
from runner.execution import AttemptRunner, Permit, SlotPool
from runner.ledger import ChunkNote, Ledger
from runner.transport import Answered, NotBilled, Outcome
from runner.transport.batches import BadLine, BatchTransport, LineResult

_AT_ONCE = 200  # lines, settled in one transaction


class LineSettler:
    """Settles the lines of chunks.

    Args:
        ledger: open for writing.
        store: of its chunks.
        pending: what is left of the plan; what a chunk leaves undone is added to it.
        worst_case: what requests may cost.
        models: written name -> model; a chunk is settled at the price that it was reserved by.
        slots: of all models, which learn of how they bill.
        on_stop: is called with the reason why nothing more may be sent.

    Attributes:
        answered: how many requests were, by all chunks.
        failed: what is not sent again, with its place and the reason.
        given_up: ids of those requests.
        breached: models that billed more than was reserved, as the experiment writes them.
    """

    def __init__(  # noqa: PLR0913 - what a settlement is made of
        self,
        ledger: Ledger,
        store: ChunkStore,
        pending: PendingWork,
        worst_case: WorstCaseCost,
        models: Mapping[str, PlannedModel],
        slots: SlotPool,
        on_stop: Callable[[str], None],
    ) -> None:
        self._ledger, self._store, self._pending = ledger, store, pending
        self._worst_case = worst_case
        self._budget = LineBudget(ledger)
        self._names = {written: model.name for written, model in models.items()}
        self._models, self._slots, self._on_stop = models, slots, on_stop
        self._deciders: dict[str, AttemptRunner] = {}  # of chunks that are being collected
        self.answered = 0
        self.failed: list[str] = []
        self.given_up: set[str] = set()
        self.breached: set[str] = set()

    async def settle_results(
        self, note: ChunkNote, client: BatchTransport, name: ModelName
    ) -> list[str]:
        """Settle each line of a chunk of which its results say what became of it.

        Lines that say that they are not billed are looked at last: where another says that the
        same one was done, that one counts.

        Returns:
            what could not be read, in words.
        """
        lines, problems = self._store.open_lines(note), list[str]()

        def find_request(custom_id: str) -> Request | None:
            line = _find_line(lines, note, custom_id)
            return line.request if line else None

        path = self._store.results_file(note)
        free = await self._settle_some(
            note, lines, client.read_results(name, path, find_request), problems
        )
        if free:
            again = client.read_results(name, path, find_request)
            await self._settle_some(note, lines, again, [], free=True)
        self._deciders.pop(note.chunk, None)
        return problems

    async def _settle_some(
        self,
        note: ChunkNote,
        lines: ChunkLines,
        results: Iterator[LineResult | BadLine],
        problems: list[str],
        *,
        free: bool = False,
    ) -> bool:
        """Settle the lines that may be billed, or those that are free; are there any of those?"""
        settled, has_free = list[ChunkLine](), False
        for result in results:
            if isinstance(result, BadLine):
                problems.append(result.problem)
                continue
            is_free = isinstance(result.outcome, LineEnd | NotBilled)
            has_free |= is_free
            if is_free and not free:
                continue
            line = _find_line(lines, note, result.custom_id)
            if line is None:  # of another chunk, or told before
                continue
            await self._decide(note, line, result)
            lines.close(line.number)
            settled.append(line)
            if len(settled) >= _AT_ONCE:
                self._write(note, settled)
                settled = []
        self._write(note, settled)
        return has_free

    async def _decide(self, note: ChunkNote, line: ChunkLine, result: LineResult) -> None:
        """Have it written what became of a line's money."""
        outcome = result.outcome
        if isinstance(outcome, LineEnd):
            await self._budget.release(line.attempts, f"its batch was {outcome.value} before it")
            return
        self._worst_case.remember_count(line.request, line.count)
        sent_at = datetime.fromisoformat(note.asked_at or note.intended_at)
        decision = self._decider(note).decide(
            outcome, line.request, line.attempts, line.reserved, sent_at
        )
        await decision.write()
        self._worst_case.forget_count(line.request)
        self.answered += sum(isinstance(each, Answered) for each in decision.outcomes)
        self._note_failure(line, outcome)

    def _decider(self, note: ChunkNote) -> AttemptRunner:
        """Return what settles by the price of a chunk."""
        if note.chunk not in self._deciders:
            model = price_as_reserved(self._models[note.model], note.price)
            self._deciders[note.chunk] = AttemptRunner(
                {**self._models, note.model: model},
                self._budget,
                self._worst_case,
                _SendsNothing(),
                breakers=_SendsNothing(),
                slots=self._slots,
                on_stop=partial(self._stop, note.model),
            )
        return self._deciders[note.chunk]

    def _stop(self, model: str, reason: str) -> None:
        if reason.startswith("BREACH"):
            self.breached.add(model)
        self._on_stop(reason)

    def _note_failure(self, line: ChunkLine, outcome: Outcome) -> None:
        failure = outcome.failure
        if failure is None or failure.retries or isinstance(outcome, Answered):
            return
        if not self._pending.leave(line.votes):
            self.give_up(line.request, failure.message)

    def give_up(self, request: Request, why: str) -> None:
        """Take note that a request is sent no more in this execution."""
        if request.id not in self.given_up:
            self.given_up.add(request.id)
            name = self._names[request.model]
            where = f"{request.stage} of {name}, {request.condition}, query {request.query}"
            self.failed.append(f"{where}: {why}")

    async def release_all(self, note: ChunkNote, why: str) -> None:
        """Free the money of all lines that are open: none of them was billed."""
        await self._end_all(note, why, is_billed=False)

    async def hold_all(self, note: ChunkNote, why: str) -> None:
        """Hold the money of all lines that are open: they may have been billed."""
        await self._end_all(note, why, is_billed=True)

    async def _end_all(self, note: ChunkNote, why: str, *, is_billed: bool) -> None:
        lines = self._store.open_lines(note)
        end = self._budget.hold if is_billed else self._budget.release
        for some in lines.in_groups(_AT_ONCE):
            for each in some:
                await end([each.attempt], why)
            self._budget.write_all()
            self._store.away.difference_update(each.attempt.request for each in some)
            self._add_again(note, lines.find_places(some))

    def _write(self, note: ChunkNote, lines: list[ChunkLine]) -> None:
        """Write what was decided of some lines, and what their jobs need next."""
        self._budget.write_all()
        for line in lines:
            self._store.away.difference_update(vote.id for vote in line.votes)
        self._add_again(note, sorted({line.place for line in lines}))

    def look_again(self, places: list[int]) -> None:
        """Add what is left of jobs, and free what is allocated to those of which nothing is."""
        for job in self._pending.look(places):
            self._add(job)

    def _add_again(self, note: ChunkNote, places: list[int]) -> None:
        with self._ledger.transaction(durable=False):
            for job in self._pending.look(places):
                is_begun = job.turn is None or job.turn.subject is not None or job.is_again
                if job.left and is_begun:
                    self._ledger.pass_cover(note.chunk, job.subject.id, self.price(job))
                self._add(job)

    def _add(self, job: OpenJob) -> None:
        if not job.left:
            self._ledger.deallocate(job.subject.id)
        self._pending.add(job, self.list_left_alone(job))

    def list_left_alone(self, job: OpenJob) -> set[str]:
        """Return the ids of a job's requests that are away, or are sent no more."""
        ids = {votes[0].id for votes in job.left}
        return {each for each in ids if each in self._store.away or each in self.given_up}

    def price(self, job: OpenJob) -> Money:
        """Return what is left of a job may cost, without asking again."""
        if job.is_again:
            amount = self._worst_case.of_job(job.subject) - self._worst_case.of_request(job.subject)
        elif job.turn is not None:
            amount = self._worst_case.of_job(job.subject, job.turn)
        else:
            asked = map(join_votes, job.left)
            amount = sum((self._worst_case.of_request(each) for each in asked), Money())
        for votes in (*job.left, (job.subject,)):
            self._worst_case.forget_count(votes[0])
        return amount


def _find_line(lines: ChunkLines, note: ChunkNote, custom_id: str) -> ChunkLine | None:
    named = parse_line_name(custom_id)
    if named is None or name_line(note.chunk, named[1]) != custom_id:
        return None
    return lines.find(named[1])


class _SendsNothing:
    """In the place of what sends calls: the lines of a batch are sent with it."""

    async def send(self, name: ModelName, request: Request) -> NoReturn:  # noqa: ARG002 - as of `Transport`
        """Refuse to send."""
        raise AssertionError(f"{name}: a line of a batch was sent as a call")

    def permit(self, request: Request) -> AbstractContextManager[Permit | None]:
        """Refuse to send."""
        raise AssertionError(f"{request.id}: a line of a batch was sent as a call")

    def record(self, permit: Permit, request: Request, outcome: Outcome) -> None:
        """Record nothing."""

    def is_stopped(self, model: str, stage: str) -> bool:  # noqa: ARG002 - as of `Permits`
        """Return False."""
        return False
