"""Pace: when the next request may go, for all threads that send to one provider.

A token bucket that holds one minute's requests and refills evenly, as Anthropic documents its own;
kept as the single moment at which it will be full again. A provider in trouble is left alone by
all threads, not only by the one that met it. The clock and the sleep are passed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from threading import Lock

_MINUTE = 60.0
_NAP = 1.0  # seconds; whoever waits looks this often whether it is still wanted
_TINY = 1e-6  # seconds; a wait shorter than this is what rounding left


class Pace:
    """Lets requests go one after the other, no faster than a limit.

    Args:
        per_minute: the limit, until a reply states another.
        sleep, clock: seconds.
    """

    def __init__(
        self, per_minute: int, *, sleep: Callable[[float], None], clock: Callable[[], float]
    ) -> None:
        self._sleep, self._clock = sleep, clock
        self._interval = _MINUTE / per_minute
        self._full_at = self._paused_until = clock()
        self._slowed_at = -math.inf
        self._stated: int | None = None
        self._turn, self._state = Lock(), Lock()

    def take(self, stopped: Callable[[], bool]) -> float | None:
        """Wait for this thread's turn, and give the time; None where it is no longer wanted."""
        with self._turn:
            while not stopped():
                wait = self._wait()
                if not wait:
                    return self._clock()
                self._sleep(min(wait, _NAP))
        return None

    def limit(self, per_minute: int) -> None:
        """Go by the limit that a reply states, where it is not the one stated before."""
        with self._state:
            if per_minute != self._stated:
                self._stated, self._interval = per_minute, _MINUTE / per_minute

    def pause(self, seconds: float) -> None:
        """Send nothing for a while."""
        with self._state:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def slow_down(self, sent_at: float) -> None:
        """Heed a 429: the bucket is empty, and the rate is halved, once for all that were sent."""
        with self._state:
            if sent_at > self._slowed_at:
                self._slowed_at = self._clock()
                self._interval = min(self._interval * 2, _MINUTE)
            empty = max(self._clock(), self._paused_until) + _MINUTE - self._interval
            self._full_at = max(self._full_at, empty)

    def _wait(self) -> float:
        """Take a token and give 0, or give the seconds until there may be one."""
        with self._state:
            now = self._clock()
            full_then = max(self._full_at, now) + self._interval
            wait = max(full_then - _MINUTE, self._paused_until) - now
            if wait > _TINY:
                return wait
            self._full_at = full_then
            return 0.0
