"""Where charged calls wait until the test lets them be answered.

A test that must look at a run, or kill it, while calls are in flight holds them here; with a mere
delay, a busy machine might be too late.
"""

import asyncio
import math


class Gate:
    """Open at first: a call passes at once."""

    def __init__(self) -> None:
        self._last_free: float = math.inf
        self._changed = asyncio.Condition()

    async def hold_after(self, call: float) -> None:
        """Hold all calls with a higher number; infinity lets all pass."""
        async with self._changed:
            self._last_free = call
            self._changed.notify_all()

    async def wait_to_pass(self, call: int) -> None:
        """Return once this call is not, or no longer, held."""
        async with self._changed:
            await self._changed.wait_for(lambda: call <= self._last_free)
