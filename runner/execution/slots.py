"""Slots: where a request waits until it may be sent.

A request passes its model's rate limits; then its money is reserved, and it waits for a place on
the wire, which it has until its outcome is known. Slow start and the concurrency limit the places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Self

from experiment.prompts import Request
from pricing.money import Money
from providers.rate_limits import RateLimit
from runner.execution.rate_limiter import RateLimiter, SentRequest
from runner.execution.slow_start import SlowStart
from runner.execution.wire import Place, Stage, Wire
from runner.transport import Outcome


class SlotPool:
    """The slots of all models.

    Args:
        slow_starts: written name of a model -> how many of its requests may be in flight.
        concurrency: requests in flight, at most.
        count_workers: returns how many workers share each model's rate limits.
    """

    def __init__(
        self,
        slow_starts: Mapping[str, SlowStart],
        concurrency: int,
        count_workers: Callable[[], int] = lambda: 1,
    ) -> None:
        self._slow_starts = dict(slow_starts)
        self._wire = Wire(slow_starts, concurrency)
        self._count_workers = count_workers
        self._rate_limiters = {name: RateLimiter(count_workers) for name in slow_starts}

    def add_model(self, model: str, make_slow_start: Callable[[], SlowStart]) -> None:
        """Give a model slots, unless it has some."""
        if model not in self._slow_starts:
            slow_start = self._slow_starts[model] = make_slow_start()
            self._wire.add_lane(model, slow_start)
            self._rate_limiters[model] = RateLimiter(self._count_workers)

    def take(self, request: Request, prompt_tokens: int, worst_case: Money) -> Slot:
        """Return a context that begins when a request's money may be reserved.

        Its place is given back at the end of the context.

        Args:
            request: to send.
            prompt_tokens: of it.
            worst_case: what it may cost.
        """
        self._slow_starts[request.model].meet(worst_case)
        limiter, place = self._rate_limiters[request.model], self._wire.open_place(request.model)
        return Slot(limiter, place, prompt_tokens, request.max_output)

    def add(self, model: str) -> None:
        """Let more requests of a model be in flight, because one was billed as expected.

        They go on once the place of that one is free.
        """
        self._slow_starts[model].increase()

    def restart(self, model: str) -> None:
        """Let a model begin with one request in flight again."""
        self._slow_starts[model].restart()

    def distrust(self, model: str) -> None:
        """Let a model begin with one request in flight, now and in later runs: it broke a rule."""
        self._slow_starts[model].lose_trust()

    @property
    def stated_limits(self) -> dict[str, tuple[RateLimit, ...]]:
        """Written name of a model -> the limits that its newest answer with any of them states."""
        return {name: each.stated for name, each in self._rate_limiters.items() if each.stated}

    def recall(self) -> None:
        """Call off what waits for a place with its money reserved, and must not be sent."""
        self._wire.recall()

    def release_all(self) -> None:
        """Let no request wait for rate limits any more, because nothing more will be sent."""
        for limiter in self._rate_limiters.values():
            limiter.release_all()


class Slot(AbstractAsyncContextManager["Slot"]):
    """A slot that a request occupies, from when its money may be reserved.

    Args:
        limiter: of its model.
        place: on the wire, which it has once it is entered.
        prompt_tokens, answer_tokens: of the request, as the limiter counts them.
    """

    __slots__ = ("_answer_tokens", "_limiter", "_place", "_prompt_tokens", "_sent")

    def __init__(
        self, limiter: RateLimiter, place: Place, prompt_tokens: int, answer_tokens: int
    ) -> None:
        self._limiter, self._place = limiter, place
        self._prompt_tokens, self._answer_tokens = prompt_tokens, answer_tokens
        self._sent: SentRequest | None = None

    async def __aenter__(self) -> Self:
        limiter, place = self._limiter, self._place
        try:
            await place.reach(Stage.NEAR)
            self._sent = await limiter.acquire(self._prompt_tokens, self._answer_tokens)
            await place.reach(Stage.READY)
        except BaseException:
            place.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._place.close()

    async def enter(self, is_wanted: Callable[[], bool]) -> bool:
        """Wait for a place on the wire; return False where it is not wanted any more."""
        return await self._place.reach(Stage.INSIDE, is_wanted)

    def record(self, outcome: Outcome) -> None:
        """Record what an outcome shows of the model's rate limits."""
        if self._sent is not None:
            self._limiter.update_limits(outcome.limits, self._sent)
