"""Rate limiter: when the next request may be sent, for all threads that call one provider.

A token bucket that holds one minute's requests and refills evenly, as Anthropic documents its own;
it is stored as the single moment at which it will be full again. When a provider is in trouble, all
threads pause, not only the one that got the error. The clock and the sleep are passed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from threading import Lock

_MINUTE = 60.0
_POLL_SECONDS = 1.0  # how often a waiting thread checks whether it was stopped
_ROUNDING_SLACK = 1e-6  # seconds; a shorter wait is a rounding error


class ThreadRateLimiter:
    """Spaces requests of several threads so that they stay below a rate limit.

    Args:
        per_minute: the limit, until a reply states another.
        sleep, clock: in seconds.
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

    def acquire(self, is_stopped: Callable[[], bool]) -> float | None:
        """Wait for this thread's turn and return the time; None if stopped meanwhile."""
        with self._turn:
            while not is_stopped():
                wait = self._try_acquire()
                if not wait:
                    return self._clock()
                self._sleep(min(wait, _POLL_SECONDS))
        return None

    def set_limit(self, per_minute: int) -> None:
        """Set the limit that a reply states; repeating it does not undo `slow_down`."""
        with self._state:
            if per_minute != self._stated:
                self._stated, self._interval = per_minute, _MINUTE / per_minute

    def pause(self, seconds: float) -> None:
        """Send nothing for some seconds."""
        with self._state:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    def slow_down(self, sent_at: float) -> None:
        """React to a 429: empty the bucket and halve the rate, once for all sent before it."""
        with self._state:
            if sent_at > self._slowed_at:
                self._slowed_at = self._clock()
                self._interval = min(self._interval * 2, _MINUTE)
            empty = max(self._clock(), self._paused_until) + _MINUTE - self._interval
            self._full_at = max(self._full_at, empty)

    def _try_acquire(self) -> float:
        """Take a token and return 0, or return the seconds until one may be available."""
        with self._state:
            now = self._clock()
            full_then = max(self._full_at, now) + self._interval
            wait = max(full_then - _MINUTE, self._paused_until) - now
            if wait > _ROUNDING_SLACK:
                return wait
            self._full_at = full_then
            return 0.0
