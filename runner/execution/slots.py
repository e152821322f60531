"""Slots: where a request waits until it may be sent.

A request passes slow start, its model's rate limits and the concurrency, in this order, and stays
in its slot until its outcome is known.

Slow start: one request of a model is in flight until its answer was billed as reserved; each such
answer admits one more, so that the number doubles with every round until it reaches the
concurrency. A provider that breaks its own `max_tokens` or the pinned price is thus caught when few
of its requests are under way, and one that was down is not met by all requests at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from experiment.prompts import Request
from runner.execution.rate_limiter import RateLimiter, SentRequest
from runner.transport import Outcome


class SlotPool:
    """The slots of all models.

    Args:
        models: their written names.
        concurrency: requests in flight, at most.
        count_workers: returns how many workers share each model's rate limits.
    """

    def __init__(
        self,
        models: Iterable[str],
        concurrency: int,
        count_workers: Callable[[], int] = lambda: 1,
    ) -> None:
        self._slow_start = SlowStart(concurrency)
        self._rate_limiters = {name: RateLimiter(count_workers) for name in models}
        self._in_flight = asyncio.Semaphore(concurrency)

    @asynccontextmanager
    async def take(self, request: Request, prompt_tokens: int) -> AsyncIterator[Slot]:
        """Wait for a slot, and occupy it for the duration of the context."""
        limiter = self._rate_limiters[request.model]
        async with self._slow_start.slot_for(request.model):
            sent = await limiter.acquire(prompt_tokens, request.max_output)
            async with self._in_flight:
                yield Slot(limiter, sent)

    def add(self, model: str) -> None:
        """Add a slot to a model's, because one of its requests was billed as expected."""
        self._slow_start.increase(model)

    def restart(self, model: str) -> None:
        """Let a model begin with one request in flight again."""
        self._slow_start.restart(model)

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


class SlowStart:
    """Limits how many requests of each model may be in flight.

    Args:
        concurrency: what no model exceeds.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._ramps: dict[str, _Ramp] = {}

    def slot_for(self, model: str) -> _Ramp:
        """Return what a model's request enters while it is in flight."""
        if model not in self._ramps:
            self._ramps[model] = _Ramp()
        return self._ramps[model]

    def increase(self, model: str) -> None:
        """Allow one more request of a model, because one was billed as expected."""
        ramp = self.slot_for(model)
        if ramp.size < self._concurrency:
            ramp.resize(ramp.size + 1)

    def restart(self, model: str) -> None:
        """Allow one request of a model again; those in flight stay."""
        self.slot_for(model).resize(1)


@dataclass(eq=False)
class _Ramp:
    """A semaphore whose size changes; who waits longest enters first."""

    size: int = 1
    _inside: int = 0
    _waiting: deque[asyncio.Future[None]] = field(default_factory=deque)

    def resize(self, size: int) -> None:
        self.size = size
        self._let_in()

    async def __aenter__(self) -> None:
        entered = asyncio.get_running_loop().create_future()
        self._waiting.append(entered)
        self._let_in()
        try:
            await entered
        except asyncio.CancelledError:
            if entered.done() and not entered.cancelled():
                self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._leave()

    def _leave(self) -> None:
        self._inside -= 1
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._inside < self.size:
            entered = self._waiting.popleft()
            if not entered.done():  # it was cancelled
                self._inside += 1
                entered.set_result(None)
