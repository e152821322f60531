"""Exchanges: each attempt waits for its turn, is reserved, sent, and booked.

Nothing is sent that is not reserved, and what came back is written before its money is free. A
breach, or a provider that would refuse everything, stops all further sending before anything else
can be sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Protocol

from estimator.workload.planned_model import PlannedModel
from experiment.definition.schema import SUBJECT
from experiment.prompts.request import Request
from pricing.catalog.model_names import ModelName
from pricing.money import Money
from providers.reply import Reply
from runner.billing.settlement import Booking, book, card_of
from runner.billing.worst_case import Ceilings
from runner.execution.budget import Purse
from runner.execution.rate_limiter import Pace
from runner.execution.slow_start import Ramp
from runner.ledger.records import Attempt, StoredAnswer
from runner.transport.outcome import Answered, NotBilled, Outcome, Unknown


class Sender(Protocol):
    """Sends one request once; `send.Sender` is the real one."""

    async def send(self, name: ModelName, request: Request) -> Outcome:
        """Send, and tell what became of the money."""
        ...


class Exchanges:
    """Sends attempts, for tasks of one event loop.

    Args:
        models: written name -> model with its pinned card.
        purse: holds the money.
        ceilings: say what an attempt may cost.
        sender: sends.
        attempts: request id -> how many attempts it already had; it is kept up to date.
        concurrency: attempts in flight, at most.
        stop: is told why nothing more may be sent.
    """

    def __init__(  # noqa: PLR0913 - what an exchange is made of
        self,
        models: Mapping[str, PlannedModel],
        purse: Purse,
        ceilings: Ceilings,
        sender: Sender,
        attempts: dict[str, int],
        concurrency: int,
        stop: Callable[[str], None],
    ) -> None:
        self.attempts = dict(attempts)
        self._halted = asyncio.Event()
        self._winds_up = False
        self._models = models
        self._purse = purse
        self._ceilings = ceilings
        self._sender = sender
        self._stop = stop
        self._wire = asyncio.Semaphore(concurrency)
        self._ramp = Ramp(concurrency)
        self._paces = {name: Pace() for name in models}

    def wind_up(self) -> None:
        """Begin no subject request any more, and let nobody wait for the limits of a model."""
        self._winds_up = True
        for pace in self._paces.values():
            pace.release()

    @property
    def halted(self) -> bool:
        """Whether nothing more is sent."""
        return self._halted.is_set()

    def halt(self) -> None:
        """Send nothing more."""
        self._halted.set()
        self.wind_up()

    async def attempt(self, request: Request, job: str) -> Outcome | None:
        """Reserve, send, and book what became of it.

        Returns:
            None where nothing was sent: while it waited for its turn all was stopped, or its
            worst case became dearer than what is set aside.
        """
        async with self._turn(request) as pace, self._wire:
            amount = self._ceilings.of(request)
            attempt = await self._reserved(request, job, amount)
            if attempt is None:
                return None
            sent = datetime.now(UTC)
            async with self._held_if_cancelled(attempt):
                outcome = await self._sender.send(self._models[request.model].name, request)
            pace(outcome)
            match outcome:
                case Answered(reply):
                    booking = self._book(request, attempt, amount, reply, sent)
                case NotBilled(reason, stop=True):
                    self._stop_all(reason)
        match outcome:
            case Answered(reply):
                await self._settle(attempt, booking, request, reply)
            case NotBilled(reason):
                await self._purse.release(attempt, reason)
            case Unknown(reason):
                await self._purse.hold(attempt, reason)
        await self._purse.tell_others()
        return outcome

    @asynccontextmanager
    async def _turn(self, request: Request) -> AsyncIterator[Callable[[Outcome], None]]:
        """Wait for a turn: what the ramp trusts a model with, what its limits have room for.

        Gives what is to be told the outcome.
        """
        pace = self._paces[request.model]
        async with self._ramp.turn(request.model):
            turn = await pace.turn(self._ceilings.count(request).tokens, request.max_tokens)

            def learn(outcome: Outcome) -> None:
                pace.learn(outcome.limits, turn)
                if isinstance(outcome, NotBilled) and outcome.after:
                    pace.pause(outcome.after)  # others would be refused as well

            yield learn

    async def _reserved(self, request: Request, job: str, amount: Money) -> Attempt | None:
        """Reserve for an attempt, if it may still be sent once that is written."""
        if self._halted.is_set() or (self._winds_up and request.stage == SUBJECT):
            return None
        if self._purse.missing(job, amount):
            return None
        number = self.attempts.get(request.id, 0) + 1
        self.attempts[request.id] = number
        attempt = Attempt.of(request, job, number, self._ceilings.count(request))
        if not await self._purse.reserve(attempt, amount):
            if others := self._purse.halted:
                self._stop(others)
            return None
        if self._halted.is_set():  # meanwhile
            await self._purse.release(attempt, "never sent")
            return None
        return attempt

    def _book(
        self, request: Request, attempt: Attempt, reserved: Money, reply: Reply, sent: datetime
    ) -> Booking:
        """Say what an answer cost; a breach stops everything before anything else is sent."""
        model, usage = self._models[request.model], reply.usage
        count, text = self._ceilings.count(request), own_text(request, reply)
        card = card_of(model, reply, sent, datetime.now(UTC))
        booking = book(model, card, count, reply, text, request.max_tokens)
        self._ceilings.learn(request, usage.prompt)
        booked = "It is booked in full"
        if booking.billed > reserved:
            self._stop_all(
                f"BREACH: {model.name} billed {booking.billed.exact()} USD "
                f"for one request, reserved {reserved.exact()}: usage reports {usage.prompt} "
                f"prompt tokens (counted {attempt.counted}) and {usage.output} output tokens "
                f"(max_tokens {request.max_tokens}). {booked}."
            )
        elif booking.breach:
            self._stop_all(f"BREACH: {booking.breach}. {booked} as far as its price is known.")
        else:
            self._ramp.trust(request.model)
        return booking

    def _stop_all(self, reason: str) -> None:
        """Stop this process, and have all others stopped that share the ledger."""
        self._stop(reason)
        self._purse.halt(reason)

    async def _settle(
        self, attempt: Attempt, booking: Booking, request: Request, reply: Reply
    ) -> None:
        answer = StoredAnswer.of(request, reply, own_text(request, reply))
        await self._purse.settle(attempt, booking.billed, answer, booking.note)
        self._ceilings.forget(request)

    @asynccontextmanager
    async def _held_if_cancelled(self, attempt: Attempt) -> AsyncIterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            await self._purse.hold(attempt, "interrupted while being sent")
            raise


def own_text(request: Request, reply: Reply) -> str:
    """Give what a model wrote, without the prefill that some providers repeat."""
    return reply.text.removeprefix(request.prefill)
