"""Slow start: each correctly billed answer allows a model one more request in flight.

One request of a model is in flight until its answer was billed as reserved; each such answer admits
one more, so that the number doubles with every round until it reaches the concurrency. A provider
that breaks its own `max_tokens` or the pinned price is thus caught when few of its requests are
under way.
"""

from __future__ import annotations

import asyncio


class SlowStart:
    """Limits how many requests of each model may be in flight.

    Args:
        concurrency: what no model exceeds.
    """

    def __init__(self, concurrency: int) -> None:
        self._concurrency = concurrency
        self._sizes: dict[str, int] = {}
        self._slots: dict[str, asyncio.Semaphore] = {}

    def slot_for(self, model: str) -> asyncio.Semaphore:
        """Return the semaphore that a model's request holds while it is in flight."""
        if model not in self._slots:
            self._slots[model], self._sizes[model] = asyncio.Semaphore(1), 1
        return self._slots[model]

    def increase(self, model: str) -> None:
        """Allow one more request of a model, because one was billed as expected."""
        if self._sizes[model] < self._concurrency:
            self._sizes[model] += 1
            self._slots[model].release()
