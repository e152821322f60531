"""Execution: jobs in order, each attempt reserved before it is sent and settled after.

A job is a subject request with its judges. It is admitted only when the cap can hold all of it at
its dearest, so that no paid answer ends unjudged. Jobs are admitted strictly in the order of work,
breadth first over the conditions: wherever the money ends, conditions have the same number of
answers, give or take one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Protocol

from estimator.survey import PlannedModel
from estimator.tokens import TokenCount
from experiment.request import Request, Requests
from pricing.money import Money
from pricing.names import ModelName
from runner import send
from runner.attempt import Attempt, StoredAnswer
from runner.booking import Booking, book, card_of
from runner.ceiling import Ceilings
from runner.ledger import Ledger
from runner.patience import Patience, Tries
from runner.purse import Purse
from runner.queue import Fate, Job, Queue
from runner.ramp import Ramp
from runner.wire import Reply

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


class Sender(Protocol):
    """Sends one request once; `send.Sender` is the real one."""

    async def send(self, name: ModelName, request: Request) -> send.Outcome:
        """Send, and tell what became of the money."""
        ...


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
        patience: Patience = Patience(),  # noqa: B008 - frozen
        changed: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self.progress = Progress()
        self._requests = requests
        self._models = models
        self._ledger = ledger
        self._purse = Purse(ledger)
        self._queue = queue
        self._sender = sender
        self._answered = dict(answered)
        self._attempts = dict(attempts)
        self._wire = asyncio.Semaphore(concurrency)
        self._ramp = Ramp(concurrency)
        # Of open jobs: some more, because a job also waits for the ledger.
        self._slots = asyncio.Semaphore(concurrency + concurrency // 4)
        self._given_up: set[str] = set()  # jobs of which a request failed
        self._patience = patience
        self._changed = changed
        self._ceilings = Ceilings(requests, models, excess)
        self._halted = asyncio.Event()
        self._ending = asyncio.Event()  # nothing is sent again

    async def run(self) -> Progress:
        """Work until all is answered, the cap is reached, or something stops it."""
        async with asyncio.TaskGroup() as group:
            while jobs := await self._admit(await self._take_slots()):
                for job in jobs:
                    group.create_task(self._job(job))
        if self.progress.end is None:
            self._end(End.FAILED if self.progress.failed else End.COMPLETE, "")
        return self.progress

    def interrupt(self) -> None:
        """Admit nothing more; what is in flight is finished, and nothing is sent again."""
        self._wind_up(End.INTERRUPTED)

    def expire(self) -> None:
        """Do the same, because the approval has ended."""
        self._wind_up(End.EXPIRED)

    def _wind_up(self, end: End) -> None:
        self._end(end, "")
        self._ending.set()

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
        if wanted and admitted == 0:
            free = self._ledger.balance.free
            self._end(End.CAP, f"the next job may cost {wanted[0][1]}, and {free} is free")
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
                self._attempts |= job.attempts
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
        while request.id not in self._answered and self._goes_on(tries):
            if not await self._afford(job, self._ceilings.of(request), anew=tries.money_held):
                self._end(End.CAP, f"a {request.stage} request of an open job cannot be paid")
                break
            tries.money_held = False
            outcome = await self._attempt(request, job)
            if outcome is not None:
                await self._consider(outcome, request, job, tries)
        return self._answered.get(request.id)

    def _goes_on(self, tries: Tries) -> bool:
        """Say whether a request may be sent, or sent again."""
        if self._halted.is_set() or tries.over:
            return False
        return not (tries.begun and self._ending.is_set())

    async def _consider(
        self, outcome: send.Outcome, request: Request, job: str, tries: Tries
    ) -> None:
        """After an attempt: go on, wait, or give up."""
        tries.note(outcome)
        if isinstance(outcome, send.Answered) or self._halted.is_set():
            return
        if tries.over:
            self._fail(request, job, outcome.reason)
        else:
            await self._pause(tries.wait())

    def _fail(self, request: Request, job: str, reason: str) -> None:
        self._given_up.add(job)
        place = f"{request.stage} of {request.condition}, query {request.query}"
        self.progress.failed.append(f"{place}: {reason}")
        if self.progress.answered == 0 and len(self.progress.failed) >= _HOPELESS:
            self._stop(f"the first {_HOPELESS} requests all failed; the last: {reason}")
        self._changed(self.progress)

    async def _attempt(self, request: Request, job: str) -> send.Outcome | None:
        """Reserve, send, and book what became of it.

        Returns:
            None where nothing was sent: while it waited for its turn all was stopped, or its
            worst case became dearer than what is set aside.
        """
        async with self._ramp.turn(request.model), self._wire:
            count, amount = self._ceilings.count(request), self._ceilings.of(request)
            if self._halted.is_set() or self._purse.missing(job, amount):
                return None
            attempt = self._next_attempt(request, job, count)
            if not await self._purse.reserve(attempt, amount):
                if others := self._ledger.halted:
                    self._stop(others)
                return None
            if self._halted.is_set():  # while it was written
                await self._purse.release(attempt, "it was never sent")
                return None
            sent = datetime.now(UTC)
            async with self._held_if_cancelled(attempt):
                outcome = await self._sender.send(self._models[request.model].name, request)
            if isinstance(outcome, send.Answered):
                booking = self._book(request, count, amount, outcome.reply, sent)
            elif isinstance(outcome, send.NotBilled) and outcome.stop:
                self._stop(outcome.reason)
        await self._tell_others()
        match outcome:
            case send.Answered(reply):
                await self._settle(attempt, booking, request, reply)
            case send.NotBilled(reason):
                await self._purse.release(attempt, reason)
            case send.Unknown(reason):
                await self._purse.hold(attempt, reason)
        return outcome

    def _book(
        self, request: Request, count: TokenCount, reserved: Money, reply: Reply, sent: datetime
    ) -> Booking:
        """Say what an answer cost; a breach stops everything before anything else is sent."""
        model, text = self._models[request.model], _own_text(request, reply)
        card = card_of(model, reply, sent, datetime.now(UTC))
        booking = book(model, card, count, reply, text, request.max_tokens)
        usage = reply.usage
        self._ceilings.learn(request, usage.prompt)
        if booking.billed > reserved:
            self._stop(
                f"BREACH: {model.name} billed {booking.billed.exact()} USD "
                f"for one request, reserved were {reserved.exact()}: usage says {usage.prompt} "
                f"prompt tokens (counted {count.tokens}) and {usage.output} output tokens "
                f"(max_tokens {request.max_tokens}). It is booked in full."
            )
        elif booking.breach:
            self._stop(
                f"BREACH: {booking.breach}. It is booked in full as far as its price is known."
            )
        else:
            self._ramp.trust(request.model)
        return booking

    async def _settle(
        self, attempt: Attempt, booking: Booking, request: Request, reply: Reply
    ) -> None:
        text = _own_text(request, reply)
        answer = StoredAnswer.of(request, reply, text)
        await self._purse.settle(attempt, booking.billed, answer, booking.note)
        self._answered[request.id] = text
        self._ceilings.forget(request)
        self.progress.answered += 1
        self._changed(self.progress)

    @asynccontextmanager
    async def _held_if_cancelled(self, attempt: Attempt) -> AsyncIterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            await self._purse.hold(attempt, "interrupted while it was being sent")
            raise

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

    def _votes_of(self, subject: Request) -> Iterator[Request]:
        answer = self._requests.read(subject, self._answered[subject.id])
        return self._requests.judges(subject, answer)

    def _next_attempt(self, request: Request, job: str, count: TokenCount) -> Attempt:
        number = self._attempts.get(request.id, 0) + 1
        self._attempts[request.id] = number
        return Attempt.of(request, job, number, count)

    async def _tell_others(self) -> None:
        """Let no worker of this plan send anything more, once this one has stopped."""
        if self._halted.is_set() and self._ledger.shared and not self._ledger.halted:
            await self._purse.halt(self.progress.reason)

    def _stop(self, reason: str) -> None:
        """Stop at once: nothing more is sent."""
        self._halted.set()
        self._ending.set()
        self._end(End.STOPPED, reason)

    def _end(self, end: End, reason: str) -> None:
        """Note how it ends; the first reason stays, but a halt is told over all others."""
        known = self.progress.end
        if known is None or (end is End.STOPPED and known is not End.STOPPED):
            self.progress.end, self.progress.reason = end, reason
            self._changed(self.progress)


def _own_text(request: Request, reply: Reply) -> str:
    """Give what a model wrote, without the prefill that some providers repeat."""
    return reply.text.removeprefix(request.prefill)
