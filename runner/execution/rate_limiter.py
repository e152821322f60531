"""The rate limiter: sends a model's requests when its known rate limits have room.

It can only delay: nothing is refused, and no request waits at the head of its queue for more than
600 s.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from providers.rate_limits import MAX_WAIT, LimitUnit, RateLimit

_MINUTE = 60.0
_POLL_INTERVAL = 1.0  # seconds; a waiting request looks this often at what was learned meanwhile
_MIN_SLEEP = 0.001  # seconds; no sleep is shorter, so that rounding cannot keep it from ending
_MIN_SPAN = 6.0  # seconds that a whole limit takes at least, because bursts are refused as well


class SentRequest(NamedTuple):
    """A request that may go: its number, its time (on the clock) and its tokens."""

    number: int
    sent_at: float
    prompt_tokens: int
    answer_tokens: int

    def used_units(self, unit: LimitUnit) -> int:
        """Return how much of a limit it uses."""
        tokens = {
            "input": self.prompt_tokens,
            "output": self.answer_tokens,
            "tokens": self.prompt_tokens + self.answer_tokens,
        }
        return 1 if unit == "requests" else tokens[unit]


class RateLimiter:
    """Delays the requests of one model until its known rate limits have room.

    What is left of a limit is what the response to the newest request reported, less what was sent
    since. It is spread evenly over the time to the reset. In a window that restarts, this uses
    all of it by its end; in a bucket that refills evenly it settles at the rate of refilling, with
    the bucket half full. Waiting requests queue, and only the first looks at the clock.

    Where several workers send to the model, each takes its share of what is reported as left: what
    the others have sent is in each report, so all together send no more than there is, but for what
    some of them do not know yet.

    Args:
        count_workers: returns how many workers send to the model.
        clock: seconds, never going back.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        count_workers: Callable[[], int] = lambda: 1,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._count_workers = count_workers
        self._queue = asyncio.Lock()
        self._windows: dict[str, _LimitWindow] = {}
        self._recent: deque[SentRequest] = deque()
        self._last_number = 0
        self._paused_until = -math.inf
        self._released = False
        self.stated: tuple[RateLimit, ...] = ()

    async def acquire(self, prompt_tokens: int, answer_tokens: int) -> SentRequest:
        """Wait until a request may be sent; return at once where no limit is known.

        Args:
            prompt_tokens: tokens of its prompt.
            answer_tokens: tokens that the provider will count for its answer, before it is known.

        Returns:
            What `update_limits` needs with this request's response.
        """
        if not self._windows and self._paused_until == -math.inf:  # so nobody waits either
            number = self._last_number + 1
            return self._record_sent(
                SentRequest(number, self._clock(), prompt_tokens, answer_tokens)
            )
        async with self._queue:
            started = self._clock()
            wanted = SentRequest(self._last_number + 1, started, prompt_tokens, answer_tokens)
            while (wait := self._required_wait(wanted)) > 0:
                left = started + MAX_WAIT - self._clock()
                if left <= 0:
                    break
                await self._sleep(max(min(wait, left, _POLL_INTERVAL), _MIN_SLEEP))
            return self._record_sent(
                SentRequest(wanted.number, self._clock(), prompt_tokens, answer_tokens)
            )

    def update_limits(self, limits: Iterable[RateLimit], sent: SentRequest) -> None:
        """Update the limits from a response, whatever its status."""
        self.stated = tuple(limits) or self.stated
        for limit in limits:
            if limit.name not in self._windows:
                self._windows[limit.name] = _LimitWindow(limit.unit, self._recent)
            self._windows[limit.name].update_limit(limit, sent, self._clock())

    def pause(self, seconds: float) -> None:
        """Send nothing for some seconds, at most 600, because the provider would refuse it."""
        until = self._clock() + min(seconds, MAX_WAIT)
        self._paused_until = max(self._paused_until, until)

    def release_all(self) -> None:
        """Let all waiting requests through from now on, because nothing more will be sent."""
        self._released = True

    def _required_wait(self, wanted: SentRequest) -> float:
        if self._released:
            return 0.0
        now, workers = self._clock(), max(self._count_workers(), 1)
        waits = [window.required_wait(wanted, now, workers) for window in self._windows.values()]
        return max(self._paused_until - now, *waits, 0.0)

    def _record_sent(self, sent: SentRequest) -> SentRequest:
        self._last_number = sent.number
        self._recent.append(sent)
        for window in self._windows.values():
            window.add_request(sent)
        while self._recent[0].sent_at <= sent.sent_at - _MINUTE:
            self._recent.popleft()
        return sent


class _LimitWindow:
    """What remains of one limit: the last reported value minus what was sent since.

    What was sent a minute ago no longer counts, because a limit of a minute has room for it again.
    Where a window has reset, what was left of it is forgotten and the whole limit is there.
    """

    def __init__(self, unit: LimitUnit, sent: Iterable[SentRequest]) -> None:
        self._unit = unit
        self._log = deque(sent)
        self._spent = sum(one.used_units(unit) for one in self._log)
        self._last = self._log[-1] if self._log else None
        self._updated_by = 0  # the number of the request whose response reported it
        self._limit = self._remaining = math.inf
        self._until = -math.inf

    def add_request(self, sent: SentRequest) -> None:
        """Record that a request is being sent."""
        self._log.append(sent)
        self._last = sent
        self._spent += sent.used_units(self._unit)

    def update_limit(self, limit: RateLimit, sent: SentRequest, now: float) -> None:
        """Update the limit from a response, unless a later request's response already has."""
        if sent.number < self._updated_by:
            return
        self._updated_by = sent.number
        self._limit = math.inf if limit.limit is None else limit.limit
        if limit.remaining is None:
            self._until = now
            return
        self._remaining = min(limit.remaining, self._limit)
        # Where no reset is reported, half a minute is what is left of one on average.
        self._until = now + (_MINUTE / 2 if limit.reset is None else limit.reset)
        if now - sent.sent_at >= _MINUTE >= self._until - now:
            self._until = now  # a response that took so long may report a window long past
        self._drop_while(lambda one: one.number <= sent.number)

    def required_wait(self, wanted: SentRequest, now: float, workers: int) -> float:
        """Return the seconds until a request may fit in a worker's share; 0 where it fits now."""
        self._drop_while(lambda one: one.sent_at <= now - _MINUTE)
        whole = self._limit / workers
        left = (self._remaining / workers if now < self._until else whole) - self._spent
        if left == math.inf:
            return 0.0
        if left < min(wanted.used_units(self._unit), whole):
            return self._until - now if now < self._until else _POLL_INTERVAL
        if self._last is None or left <= 0:
            return 0.0
        soonest = 0.0 if self._limit == math.inf else _MIN_SPAN
        span = min(max(self._until - now, soonest), _MINUTE)
        gap = span * min(self._last.used_units(self._unit) / left, 1.0)
        return max(self._last.sent_at + gap - now, 0.0)

    def _drop_while(self, should_drop: Callable[[SentRequest], bool]) -> None:
        while self._log and should_drop(self._log[0]):
            self._spent -= self._log.popleft().used_units(self._unit)
