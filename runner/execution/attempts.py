"""Attempts: each one waits for a slot, is reserved, sent and settled.

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

from estimator.workload import PlannedModel
from experiment.definition import SUBJECT
from experiment.prompts import Request
from pricing.catalog import ModelName
from pricing.money import Money
from providers.reply import ModelResponse
from runner.billing import Settlement, WorstCaseCost, applicable_card, compute_settlement
from runner.execution.budget import Budget
from runner.execution.rate_limiter import RateLimiter
from runner.execution.slow_start import SlowStart
from runner.ledger import Attempt, StoredAnswer
from runner.transport import Answered, NotBilled, Outcome, Unknown


class Transport(Protocol):
    """Sends one request once; `HttpTransport` is the real implementation."""

    async def send(self, name: ModelName, request: Request) -> Outcome:
        """Send the request and return what happened to the money."""
        ...


class AttemptRunner:
    """Runs attempts, for the tasks of one event loop.

    Args:
        models: written name -> model with its pinned card.
        budget: holds the money.
        worst_case: say what an attempt may cost.
        transport: sends.
        attempts: request id -> how many attempts it already had; it is kept up to date.
        concurrency: attempts in flight, at most.
        on_stop: is told why nothing more may be sent.
    """

    def __init__(  # noqa: PLR0913 - what an exchange is made of
        self,
        models: Mapping[str, PlannedModel],
        budget: Budget,
        worst_case: WorstCaseCost,
        transport: Transport,
        attempts: dict[str, int],
        concurrency: int,
        on_stop: Callable[[str], None],
    ) -> None:
        self.attempts = dict(attempts)
        self._stopped = asyncio.Event()
        self._draining = False
        self._models = models
        self._budget = budget
        self._worst_case = worst_case
        self._transport = transport
        self._on_stop = on_stop
        self._in_flight = asyncio.Semaphore(concurrency)
        self._slow_start = SlowStart(concurrency)
        self._rate_limiters = {name: RateLimiter() for name in models}

    def drain(self) -> None:
        """Start no more subject requests, and let no request wait for rate limits."""
        self._draining = True
        for pace in self._rate_limiters.values():
            pace.release_all()

    @property
    def is_stopped(self) -> bool:
        """Whether sending has stopped."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Stop sending."""
        self._stopped.set()
        self.drain()

    async def run_attempt(self, request: Request, job: str) -> Outcome | None:
        """Reserve, send and settle one attempt.

        Returns:
            None where nothing was sent: while it waited for its turn all was stopped, or its
            worst case became dearer than what is set aside.
        """
        async with self._slot(request) as pace, self._in_flight:
            amount = self._worst_case.of_request(request)
            attempt = await self._reserve_attempt(request, job, amount)
            if attempt is None:
                return None
            sent = datetime.now(UTC)
            async with self._hold_if_cancelled(attempt):
                outcome = await self._transport.send(self._models[request.model].name, request)
            pace(outcome)
            match outcome:
                case Answered(reply):
                    booking = self._assess_answer(request, attempt, amount, reply, sent)
                case NotBilled(reason, stop=True):
                    self._stop_all_workers(reason)
        match outcome:
            case Answered(reply):
                await self._settle_attempt(attempt, booking, request, reply)
            case NotBilled(reason):
                await self._budget.release(attempt, reason)
            case Unknown(reason):
                await self._budget.hold(attempt, reason)
        await self._budget.broadcast_stop()
        return outcome

    @asynccontextmanager
    async def _slot(self, request: Request) -> AsyncIterator[Callable[[Outcome], None]]:
        """Wait for a slot: allowed by slow start and by the model's rate limits.

        Gives what is to be told the outcome.
        """
        pace = self._rate_limiters[request.model]
        async with self._slow_start.slot_for(request.model):
            turn = await pace.acquire(
                self._worst_case.count_prompt(request).tokens, request.max_tokens
            )

            def learn(outcome: Outcome) -> None:
                pace.update_limits(outcome.limits, turn)
                if isinstance(outcome, NotBilled) and outcome.retry_after:
                    pace.pause(outcome.retry_after)  # others would be refused as well

            yield learn

    async def _reserve_attempt(self, request: Request, job: str, amount: Money) -> Attempt | None:
        """Reserve money for an attempt, if it may still be sent after that is written."""
        if self._stopped.is_set() or (self._draining and request.stage == SUBJECT):
            return None
        if self._budget.missing_amount(job, amount):
            return None
        number = self.attempts.get(request.id, 0) + 1
        self.attempts[request.id] = number
        attempt = Attempt.from_request(request, job, number, self._worst_case.count_prompt(request))
        if not await self._budget.reserve(attempt, amount):
            if others := self._budget.stop_reason:
                self._on_stop(others)
            return None
        if self._stopped.is_set():  # meanwhile
            await self._budget.release(attempt, "never sent")
            return None
        return attempt

    def _assess_answer(
        self,
        request: Request,
        attempt: Attempt,
        reserved: Money,
        response: ModelResponse,
        sent_at: datetime,
    ) -> Settlement:
        """Compute what an answer cost; a breach stops all sending before anything else is sent."""
        model, usage = self._models[request.model], response.usage
        count, text = self._worst_case.count_prompt(request), completion_text(request, response)
        card = applicable_card(model, response, sent_at, datetime.now(UTC))
        booking = compute_settlement(model, card, count, response, text, request.max_tokens)
        self._worst_case.record_excess(request, usage.prompt_tokens)
        booked = "It is booked in full"
        if booking.billed > reserved:
            self._stop_all_workers(
                f"BREACH: {model.name} billed {booking.billed.to_decimal_string()} USD "
                f"for one request, reserved {reserved.to_decimal_string()}: usage reports "
                f"{usage.prompt_tokens} "
                f"prompt tokens (counted {attempt.counted}) and {usage.output} output tokens "
                f"(max_tokens {request.max_tokens}). {booked}."
            )
        elif booking.breach:
            self._stop_all_workers(
                f"BREACH: {booking.breach}. {booked} as far as its price is known."
            )
        else:
            self._slow_start.increase(request.model)
        return booking

    def _stop_all_workers(self, reason: str) -> None:
        """Stop this process and ask all others that share the ledger to stop."""
        self._on_stop(reason)
        self._budget.stop_others(reason)

    async def _settle_attempt(
        self, attempt: Attempt, settlement: Settlement, request: Request, response: ModelResponse
    ) -> None:
        answer = StoredAnswer.from_response(request, response, completion_text(request, response))
        await self._budget.settle(attempt, settlement.billed, answer, settlement.note)
        self._worst_case.forget_count(request)

    @asynccontextmanager
    async def _hold_if_cancelled(self, attempt: Attempt) -> AsyncIterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            await self._budget.hold(attempt, "interrupted while being sent")
            raise


def completion_text(request: Request, response: ModelResponse) -> str:
    """Return what the model wrote, without the prefill that some providers repeat."""
    return response.text.removeprefix(request.prefill)
