"""Slots: where a request waits until it may be sent.

A request passes slow start, its model's rate limits and the concurrency, in this order, and stays
in its slot until its outcome is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from experiment.prompts import Request
from runner.execution.rate_limiter import RateLimiter, SentRequest
from runner.execution.slow_start import SlowStart
from runner.transport import Outcome


class SlotPool:
    """The slots of all models.

    Args:
        models: their written names.
        concurrency: requests in flight, at most.
    """

    def __init__(self, models: Iterable[str], concurrency: int) -> None:
        self._slow_start = SlowStart(concurrency)
        self._rate_limiters = {name: RateLimiter() for name in models}
        self._in_flight = asyncio.Semaphore(concurrency)

    @asynccontextmanager
    async def take(self, request: Request, prompt_tokens: int) -> AsyncIterator[Slot]:
        """Wait for a slot, and occupy it for the duration of the context."""
        limiter = self._rate_limiters[request.model]
        async with self._slow_start.slot_for(request.model):
            sent = await limiter.acquire(prompt_tokens, request.max_tokens)
            async with self._in_flight:
                yield Slot(limiter, sent)

    def add(self, model: str) -> None:
        """Add a slot to a model's, because one of its requests was billed as expected."""
        self._slow_start.increase(model)

    def release_all(self) -> None:
        """Let no request wait for rate limits any more, because nothing more will be sent."""
        for limiter in self._rate_limiters.values():
            limiter.release_all()


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot that a request occupies.

    Attributes:
        limiter: of its model.
        sent: the request, as the limiter counts it.
    """

    limiter: RateLimiter
    sent: SentRequest

    def record(self, outcome: Outcome) -> None:
        """Record what an outcome shows of the model's rate limits."""
        self.limiter.update_limits(outcome.limits, self.sent)
        if outcome.failure is not None and outcome.failure.wait:
            self.limiter.pause(outcome.failure.wait)  # others would be refused as well
