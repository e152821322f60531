"""Execution: jobs in order, each attempt reserved before it is sent and settled after.

A job is a subject request with its judges. It is admitted only when the cap can hold all of it at
its dearest, so that no paid answer ends unjudged. Jobs are admitted strictly in the order of work,
breadth first over the conditions: wherever the money ends, conditions have the same number of
answers, give or take one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from estimator.workload.planned_model import PlannedModel
from experiment.definition.schema import SUBJECT
from experiment.prompts.request import Request
from experiment.prompts.request_builder import Requests
from pricing.money import Money
from runner.billing.worst_case import Ceilings
from runner.execution.attempts import Exchanges, Sender, own_text
from runner.execution.budget import Purse
from runner.execution.job_queue import Fate, Job, Queue
from runner.execution.retry import Patience, Tries
from runner.ledger.ledger import Ledger
from runner.transport.outcome import Answered, Outcome

_AT_ONCE = 16  # jobs, taken from the queue in one go
_ELSEWHERE = 0.5  # seconds between looks at what other processes give back
_HOPELESS = 5  # failures without a single answer, after which nothing more is sent


class End(StrEnum):
    """How an execution ended."""

    COMPLETE = "complete"  # every request is answered
    CAP = "cap"  # what is free cannot pay for the next job
    INTERRUPTED = "interrupted"  # the user stopped it
    EXPIRED = "expired"  # the approval ended meanwhile
    STOPPED = "stopped"  # a breach, or a provider that refuses everything
    FAILED = "failed"  # all was tried, some requests could not be answered


@dataclass(slots=True)
class Progress:
    """Where an execution stands; the reasons are for a person."""

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    end: End | None = None
    reason: str = ""


class Execution:
    """One execution of a plan against an open ledger.

    Args:
        requests: builds what is sent.
        models: written name -> model with its pinned card.
        ledger: open for writing, with its approval.
        queue: gives the jobs, in the order of work.
        sender: sends.
        answered: request id -> text, for what earlier executions were answered.
        attempts: request id -> how many attempts it already had.
        excess: written model name -> by how much its billed prompts exceeded our bound.
        concurrency: requests in flight, at most.
        changed: is called whenever the progress changed.
    """

    def __init__(  # noqa: PLR0913 - what an execution is made of
        self,
        requests: Requests,
        models: dict[str, PlannedModel],
        ledger: Ledger,
        queue: Queue,
        sender: Sender,
        *,
        answered: dict[str, str],
        attempts: dict[str, int],
        excess: dict[str, int],
        concurrency: int,
        patience: Patience = Patience(),
        changed: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self.progress = Progress()
        self._requests = requests
        self._models = models
        self._ledger = ledger
        self._purse = Purse(ledger)
        self._queue = queue
        self._answered = dict(answered)
        # Of open jobs: some more, because a job also waits for the ledger.
        self._slots = asyncio.Semaphore(concurrency + concurrency // 4)
        self._given_up: set[str] = set()  # jobs that are not tried again here
        self._unpaid = ""
        self._patience = patience
        self._changed = changed
        self._ceilings = Ceilings(requests, models, excess)
        self._exchanges = Exchanges(
            models, self._purse, self._ceilings, sender, attempts, concurrency, self.stop
        )
        self._ending = asyncio.Event()  # nothing is sent again

    async def run(self) -> Progress:
        """Work until all is answered, the cap is reached, or something stops it."""
        async with asyncio.TaskGroup() as group:
            while jobs := await self._admit(await self._take_slots()):
                for job in jobs:
                    group.create_task(self._job(job))
        if self.progress.end is None:
            await self._conclude()
        return self.progress

    async def _conclude(self) -> None:
        """Say how an execution ended that nothing stopped."""
        if self.progress.failed:
            self._end(End.FAILED, self._unpaid)
        elif self._unpaid:
            self._end(End.CAP, self._unpaid)
        elif failed := await self._queue.failed():
            self._end(End.FAILED, f"other processes gave up on {failed} of the jobs")
        else:
            self._end(End.COMPLETE, "")

    def interrupt(self) -> None:
        """Finish what is in flight, and have judged what is answered; nothing is sent again."""
        self._wind_up(End.INTERRUPTED)

    def expire(self) -> None:
        """Send nothing more, because the approval has ended; what is in flight is finished."""
        self._exchanges.halt()
        self._wind_up(End.EXPIRED)

    def _wind_up(self, end: End, reason: str = "") -> None:
        self._end(end, reason)
        self._ending.set()
        self._purse.wind_up()
        self._exchanges.wind_up()

    async def _take_slots(self) -> int:
        """Wait for a slot, and take those with it that are free too."""
        await self._slots.acquire()
        slots = 1
        while slots < _AT_ONCE and not self._slots.locked():
            await self._slots.acquire()
            slots += 1
        return slots

    async def _admit(self, slots: int) -> list[Job]:
        """Set money aside for the next jobs, as many as there are slots for and the cap holds.

        Returns:
            the admitted jobs; none where nothing more is to be begun.
        """
        jobs = await self._take(slots)
        wanted = [(job.subject.id, self._worst_case(job.subject)) for job in jobs]
        admitted = await self._purse.admit(wanted) if wanted else 0
        if wanted and admitted == 0 and not self._told_to_stop():
            free = self._ledger.balance.free
            self._end(End.CAP, f"the next job may cost {wanted[0][1]}, but only {free} is free")
        if self.progress.end:
            for job, _ in wanted[:admitted]:
                await self._purse.close(job)
            admitted = 0
        await self._queue.put(jobs[admitted:], Fate.WAITING)
        for _ in range(slots - admitted):
            self._slots.release()
        return jobs[:admitted]

    async def _take(self, most: int) -> list[Job]:
        """Take the next jobs of which anything is left to do; wait where others have the last."""
        while self.progress.end is None:
            taken = await self._queue.take(most)
            if taken is None:
                await self._pause(_ELSEWHERE)
                continue
            for job in taken:
                self._answered |= job.answered
                self._exchanges.attempts |= job.attempts
            done = [job for job in taken if self._is_done(job.subject)]
            await self._queue.put(done, Fate.DONE)
            if len(done) < len(taken) or not taken:
                return [job for job in taken if job not in done]
        return []

    async def _job(self, job: Job) -> None:
        subject, fate = job.subject, Fate.WAITING
        try:
            text = await self._complete(subject, subject.id)
            if text is not None:
                judges = list(self._requests.judges(subject, self._requests.read(subject, text)))
                self._purse.fork(subject.id, len(judges))
                async with asyncio.TaskGroup() as group:
                    for judge in judges:
                        group.create_task(self._vote(judge, subject.id))
            if self._is_done(subject):
                fate = Fate.DONE
                self._forget(subject)
            elif subject.id in self._given_up:
                fate = Fate.FAILED
        finally:
            await self._purse.close(subject.id)
            await self._queue.put([job], fate)
            self._slots.release()

    async def _vote(self, judge: Request, job: str) -> None:
        try:
            await self._complete(judge, job)
        finally:
            self._purse.rest(job)

    async def _complete(self, request: Request, job: str) -> str | None:
        """Send a request until it is answered; None where it cannot be, in this execution."""
        tries = Tries(self._patience)
        while not self._is_read(request, tries) and self._goes_on(request, tries):
            if not await self._afford(job, self._ceilings.of(request), anew=tries.money_spent):
                if request.id in self._answered or self._told_to_stop():
                    break
                self._unpaid = f"a {request.stage} request of an open job could not be paid for"
                self._given_up.add(job)
                break
            tries.money_spent = False
            outcome = await self._exchanges.attempt(request, job)
            if outcome is not None:
                await self._consider(outcome, request, job, tries)
        return self._answered.get(request.id)

    def _is_read(self, request: Request, tries: Tries) -> bool:
        """Say whether a request has an answer that need not be asked for again."""
        if request.id not in self._answered:
            return False
        if tries.answered == 0:  # it was answered before this execution
            return True
        return tries.answered > self._requests.again(request, self._answered[request.id])

    def _goes_on(self, request: Request, tries: Tries) -> bool:
        """Say whether a request may be sent, or sent again.

        Once it is to end, only the judges of what is answered are.
        """
        if self._exchanges.halted or tries.over:
            return False
        return not self._ending.is_set() or (not tries.begun and request.stage != SUBJECT)

    async def _consider(self, outcome: Outcome, request: Request, job: str, tries: Tries) -> None:
        """After an attempt: go on, wait, or give up."""
        tries.note(outcome)
        if isinstance(outcome, Answered):
            self._answered[request.id] = own_text(request, outcome.reply)
            self.progress.answered += 1
            self._changed(self.progress)
        elif tries.over and not self._exchanges.halted:
            self._fail(request, job, outcome.reason)
        elif not tries.over:
            await self._pause(tries.wait())

    def _fail(self, request: Request, job: str, reason: str) -> None:
        self._given_up.add(job)
        place = f"{request.stage} of {request.condition}, query {request.query}"
        self.progress.failed.append(f"{place}: {reason}")
        if self.progress.answered == 0 and len(self.progress.failed) >= _HOPELESS:
            self.stop(f"the first {_HOPELESS} requests all failed; the last: {reason}")
        self._changed(self.progress)

    async def _afford(self, job: str, amount: Money, *, anew: bool) -> bool:
        """See that an attempt's amount is set aside, all of it anew after one that is held."""
        if anew and not await self._purse.top_up(job, amount):
            return False
        while missing := self._purse.missing(job, amount):
            if not await self._purse.top_up(job, missing):
                return False
        return True

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until nothing is sent again anyway."""
        ending: Awaitable[object] = self._ending.wait()
        try:
            await asyncio.wait_for(ending, seconds)
        except TimeoutError:
            return

    def _worst_case(self, subject: Request) -> Money:
        """Give the most that a job, or what is left of it, can cost."""
        if subject.id not in self._answered:
            return self._ceilings.of_job(subject)
        left = [judge for judge in self._votes_of(subject) if judge.id not in self._answered]
        return sum(map(self._ceilings.of, left), Money())

    def _is_done(self, subject: Request) -> bool:
        return subject.id in self._answered and all(
            judge.id in self._answered for judge in self._votes_of(subject)
        )

    def _forget(self, subject: Request) -> None:
        """Forget the texts of a job that is done: the ledger has them."""
        for judge in list(self._votes_of(subject)):
            self._answered.pop(judge.id, None)
        self._answered.pop(subject.id)

    def _votes_of(self, subject: Request) -> Iterator[Request]:
        answer = self._requests.read(subject, self._answered[subject.id])
        return self._requests.judges(subject, answer)

    def _told_to_stop(self) -> bool:
        """Stop, where another process says that nothing more may be sent."""
        if reason := self._purse.halted:
            self.stop(reason)
        return bool(reason)

    def stop(self, reason: str) -> None:
        """Stop at once: nothing more is sent."""
        self._exchanges.halt()
        self._wind_up(End.STOPPED, reason)

    def _end(self, end: End, reason: str) -> None:
        """Note how it ends; the first reason stays, but a halt is told over all others."""
        known = self.progress.end
        if known is None or (end is End.STOPPED and known is not End.STOPPED):
            self.progress.end, self.progress.reason = end, reason
            self._changed(self.progress)
