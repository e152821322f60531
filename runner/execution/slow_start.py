"""The ramp: trust in a model's bills is earned, answer by answer.

One request of a model is in flight until its answer was billed as reserved; each such answer admits
one more, so that the number doubles with every round until it reaches the concurrency. A provider
that breaks its own `max_tokens` or the pinned price is thus caught when few of its requests are
under way.
"""

from __future__ import annotations

import asyncio


class Ramp:
    """How many requests of each model may be in flight.

    Args:
        limit: the concurrency, which no model exceeds.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._sizes: dict[str, int] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}

    def turn(self, model: str) -> asyncio.Semaphore:
        """Give what a request of a model holds while it is in flight."""
        if model not in self._turns:
            self._turns[model], self._sizes[model] = asyncio.Semaphore(1), 1
        return self._turns[model]

    def trust(self, model: str) -> None:
        """Admit one more request of a model, because one was billed as it should be."""
        if self._sizes[model] < self._limit:
            self._sizes[model] += 1
            self._turns[model].release()
