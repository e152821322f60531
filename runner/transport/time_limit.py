"""A time limit on answers that counts only the time in which this process could read them.

A process that was suspended, or a laptop that slept, finds its timers run out the moment it goes
on, while answers wait in its sockets. Here time is counted in short ticks. A tick that comes late
counts as one, and after it nothing runs out until what arrived has been read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import TracebackType

_TICKS = 20  # of one limit
_SHORTEST_TICK, _LONGEST_TICK = 0.01, 0.5  # seconds
_LATE = 3  # ticks, after which this process was not able to read
_SECONDS_TO_READ = 2.0  # after a late tick, for what arrived meanwhile


@dataclass(slots=True, eq=False)
class _RunningLimit:
    """A limit that runs in a context: since when, and whether it has run out."""

    timeout: asyncio.Timeout
    running: set[_RunningLimit]
    read_clock: Callable[[], float]
    began: float = 0.0
    is_due: bool = False

    async def __aenter__(self) -> None:
        await self.timeout.__aenter__()
        self.began = self.read_clock()
        self.running.add(self)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.running.remove(self)
        await self.timeout.__aexit__(kind, error, trace)  # it may raise TimeoutError instead


class TimeLimit:
    """A time limit for many waits of one event loop; all of them share one timer.

    Args:
        seconds: that each may take.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._tick = min(max(seconds / _TICKS, _SHORTEST_TICK), _LONGEST_TICK)
        self._running: set[_RunningLimit] = set()
        self._counted = 0.0  # seconds in which this process could read
        self._ticked_at = 0.0
        self._read_until = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def apply(self) -> AbstractAsyncContextManager[None]:
        """Return a context that limits the time of what is done in it.

        It raises TimeoutError where that took longer, in time in which this process could read.
        """
        return _RunningLimit(asyncio.timeout(None), self._running, self._read_clock)

    def _read_clock(self) -> float:
        """Return the time of this clock, and start it if it stands still."""
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._ticked_at = loop.time()
            self._timer = loop.call_later(self._tick, self._count_tick, loop)
        return self._counted + min(loop.time() - self._ticked_at, self._tick)

    def _count_tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """Count one tick, and end what has run out of time; stand still when nothing is left."""
        now = loop.time()
        elapsed, self._ticked_at = now - self._ticked_at, now
        if elapsed > _LATE * self._tick:
            elapsed, self._read_until = self._tick, now + _SECONDS_TO_READ
        self._counted += elapsed
        for limit in self._running:
            self._check(limit, now)
        again = bool(self._running)
        self._timer = loop.call_later(self._tick, self._count_tick, loop) if again else None

    def _check(self, limit: _RunningLimit, now: float) -> None:
        """End a wait at the second tick that finds it too long, unless there may be more to read.

        A process that is late all the time ends it after twice the limit.
        """
        age = self._counted - limit.began
        may_end = now >= self._read_until or age >= 2 * self.seconds
        if limit.is_due and may_end and limit.timeout.when() is None:
            limit.timeout.reschedule(now)
        limit.is_due = age >= self.seconds
