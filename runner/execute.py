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
from pricing.card import RateCard
from pricing.money import Money
from pricing.names import ModelName
from runner import send
from runner.attempt import Attempt, StoredAnswer
from runner.booking import book, card_of
from runner.ceiling import Ceilings
from runner.ledger import Ledger
from runner.patience import Patience, Tries
from runner.purse import Purse
from runner.ramp import Ramp
from runner.wire import Reply

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
        sender: sends.
        seed: of the order of work.
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
        sender: Sender,
        *,
        seed: str,
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
        self._sender = sender
        self._seed = seed
        self._answered = answered
        self._attempts = attempts
        self._wire = asyncio.Semaphore(concurrency)
        self._ramp = Ramp(concurrency)
        self._jobs = asyncio.Semaphore(concurrency)
        self._patience = patience
        self._changed = changed
        self._ceilings = Ceilings(requests, models, excess)
        self._halted = asyncio.Event()
        self._ending = asyncio.Event()  # nothing is sent again

    async def run(self) -> Progress:
        """Work until all is answered, the cap is reached, or something stops it."""
        async with asyncio.TaskGroup() as group:
            for subject in self._requests.interleaved(self._seed):
                if self._is_done(subject):
                    continue
                await self._jobs.acquire()
                if not await self._admit(subject):
                    self._jobs.release()
                    break
                group.create_task(self._job(subject))
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

    async def _admit(self, subject: Request) -> bool:
        if self.progress.end:
            return False
        if await self._purse.admit(subject.id, self._worst_case(subject)):
            if self.progress.end is None:
                return True
            await self._purse.close(subject.id)
            return False
        next_job, free = self._worst_case(subject), self._ledger.balance.free
        self._end(End.CAP, f"the next job may cost {next_job}, and {free} is free")
        return False

    async def _job(self, subject: Request) -> None:
        try:
            text = await self._complete(subject, subject.id)
            if text is None:
                return
            judges = list(self._requests.judges(subject, self._requests.read(subject, text)))
            self._purse.fork(subject.id, len(judges))
            async with asyncio.TaskGroup() as group:
                for judge in judges:
                    group.create_task(self._vote(judge, subject.id))
        finally:
            await self._purse.close(subject.id)
            self._jobs.release()

    async def _vote(self, judge: Request, job: str) -> None:
        try:
            await self._complete(judge, job)
        finally:
            await self._purse.rest(job)

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
                await self._consider(outcome, request, tries)
        return self._answered.get(request.id)

    def _goes_on(self, tries: Tries) -> bool:
        """Say whether a request may be sent, or sent again."""
        if self._halted.is_set() or tries.over:
            return False
        return not (tries.begun and self._ending.is_set())

    async def _consider(self, outcome: send.Outcome, request: Request, tries: Tries) -> None:
        """After an attempt: go on, wait, give up, or stop everything."""
        tries.note(outcome)
        if isinstance(outcome, send.Answered):
            return
        if isinstance(outcome, send.NotBilled) and outcome.stop:
            self._halt(outcome.reason)
        elif tries.over:
            self._fail(request, outcome.reason)
        else:
            await self._pause(tries.wait())

    def _fail(self, request: Request, reason: str) -> None:
        place = f"{request.stage} of {request.condition}, query {request.query}"
        self.progress.failed.append(f"{place}: {reason}")
        if self.progress.answered == 0 and len(self.progress.failed) >= _HOPELESS:
            self._halt(f"the first {_HOPELESS} requests all failed; the last: {reason}")
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
            self._purse.reserve(attempt, amount)
            sent = datetime.now(UTC)
            async with self._held_if_cancelled(attempt):
                outcome = await self._sender.send(self._models[request.model].name, request)
        match outcome:
            case send.Answered(reply):
                card = card_of(self._models[request.model], reply, sent, datetime.now(UTC))
                await self._settle(attempt, amount, request, reply, count, card)
            case send.NotBilled(reason):
                self._purse.release(attempt, reason)
            case send.Unknown(reason):
                await self._purse.hold(attempt, reason)
        return outcome

    async def _settle(  # noqa: PLR0913 - what a settlement is made of
        self,
        attempt: Attempt,
        reserved: Money,
        request: Request,
        reply: Reply,
        count: TokenCount,
        card: RateCard,
    ) -> None:
        model, text = self._models[request.model], reply.text.removeprefix(request.prefill)
        booking = book(model, card, count, reply, text, request.max_tokens)
        usage, answer = reply.usage, StoredAnswer.of(request, reply, text)
        await self._purse.settle(attempt, booking.billed, answer, booking.note)
        self._ceilings.learn(request, usage.prompt)
        if booking.billed > reserved:
            self._halt(
                f"BREACH: {model.name} billed {booking.billed.exact()} USD "
                f"for one request, reserved were {reserved.exact()}: usage says {usage.prompt} "
                f"prompt tokens (counted {count.tokens}) and {usage.output} output tokens "
                f"(max_tokens {request.max_tokens}). It is booked in full."
            )
        elif booking.breach:
            self._halt(
                f"BREACH: {booking.breach}. It is booked in full as far as its price is known."
            )
        else:
            self._ramp.trust(request.model)
        self._answered[request.id] = text
        self._ceilings.forget(request)
        self.progress.answered += 1
        self._changed(self.progress)

    @asynccontextmanager
    async def _held_if_cancelled(self, attempt: Attempt) -> AsyncIterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            self._ledger.hold(attempt, "interrupted while it was being sent")
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

    def _halt(self, reason: str) -> None:
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
