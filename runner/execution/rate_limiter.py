"""The pace: a model's requests go when the limits that its answers told have room for them.

All that this can do is delay: nothing is refused, and no request waits at the head of its queue
beyond 600 s.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from providers.rate_limits import LONGEST_WAIT, Counts, Window

_MINUTE = 60.0
_NAP = 1.0  # seconds; whoever waits looks this often at what was learned meanwhile
_TICK = 0.001  # seconds; no sleep is shorter, so that rounding cannot keep it from ending
_SOONEST = 6.0  # seconds that a whole limit takes at least, because bursts are refused as well


@dataclass(frozen=True, slots=True)
class Sent:
    """A turn that was given: its number, when (seconds of the clock), and its tokens."""

    number: int
    at: float
    prompt: int
    answer: int

    def cost(self, counts: Counts) -> int:
        """Give what it takes from a limit."""
        tokens = {"input": self.prompt, "output": self.answer, "tokens": self.prompt + self.answer}
        return 1 if counts == "requests" else tokens[counts]


class Pace:
    """Lets the requests of one model go when the limits that were learned have room for them.

    What is left of a limit is what the newest request's answer told, less what was sent since. It
    is spread evenly over the time to the reset. In a window that starts anew this uses all of it by
    its end; in a bucket that refills evenly it settles at the rate of refilling, with the bucket
    half full. Whoever waits queues, and only the first looks at the clock.

    Args:
        clock: seconds, never going back.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._queue = asyncio.Lock()
        self._quotas: dict[str, _Quota] = {}
        self._recent: deque[Sent] = deque()
        self._number = 0
        self._paused_until = -math.inf
        self._released = False

    async def turn(self, prompt: int, answer: int) -> Sent:
        """Wait until a request may go; at once where nothing was learned.

        Args:
            prompt: tokens of its prompt.
            answer: tokens that the provider will count for its answer, before it is known.

        Returns:
            What `learn` needs with this request's answer.
        """
        async with self._queue:
            began = self._clock()
            wanted = Sent(self._number + 1, began, prompt, answer)
            while (wait := self._wait(wanted)) > 0:
                left = began + LONGEST_WAIT - self._clock()
                if left <= 0:
                    break
                await self._sleep(max(min(wait, left, _NAP), _TICK))
            return self._note(Sent(wanted.number, self._clock(), prompt, answer))

    def learn(self, limits: Iterable[Window], sent: Sent) -> None:
        """Heed the limits that the answer to a request told, whatever its status."""
        for window in limits:
            if window.name not in self._quotas:
                self._quotas[window.name] = _Quota(window.counts, self._recent)
            self._quotas[window.name].learn(window, sent, self._clock())

    def pause(self, seconds: float) -> None:
        """Let nothing go for some seconds, at most 600, because others would be refused as well."""
        until = self._clock() + min(seconds, LONGEST_WAIT)
        self._paused_until = max(self._paused_until, until)

    def release(self) -> None:
        """Let all go at once from now on, because nothing more will be sent."""
        self._released = True

    def _wait(self, wanted: Sent) -> float:
        if self._released:
            return 0.0
        now = self._clock()
        waits = [quota.wait(wanted, now) for quota in self._quotas.values()]
        return max(self._paused_until - now, *waits, 0.0)

    def _note(self, sent: Sent) -> Sent:
        self._number = sent.number
        self._recent.append(sent)
        for quota in self._quotas.values():
            quota.append(sent)
        while self._recent[0].at <= sent.at - _MINUTE:
            self._recent.popleft()
        return sent


class _Quota:
    """What is left of one limit: what was told, less what was sent since.

    What was sent a minute ago no longer counts, because a limit of a minute has room for it again.
    Where a window has reset, what was left of it is forgotten and the whole limit is there.
    """

    def __init__(self, counts: Counts, sent: Iterable[Sent]) -> None:
        self._counts = counts
        self._log = deque(sent)
        self._spent = sum(one.cost(counts) for one in self._log)
        self._last = self._log[-1] if self._log else None
        self._told = 0  # the number of the request whose answer told it
        self._limit = self._remaining = math.inf
        self._until = -math.inf

    def append(self, sent: Sent) -> None:
        """Note that a request goes."""
        self._log.append(sent)
        self._last = sent
        self._spent += sent.cost(self._counts)

    def learn(self, window: Window, sent: Sent, now: float) -> None:
        """Heed what an answer told, unless that of a later request told already."""
        if sent.number < self._told:
            return
        self._told = sent.number
        self._limit = math.inf if window.limit is None else window.limit
        if window.remaining is None:
            self._until = now
            return
        self._remaining = min(window.remaining, self._limit)
        # Where no reset is told, half a minute is what is left of one on average.
        self._until = now + (_MINUTE / 2 if window.reset is None else window.reset)
        if now - sent.at >= _MINUTE >= self._until - now:
            self._until = now  # an answer that took so long may tell of a window long past
        self._drop(lambda one: one.number <= sent.number)

    def wait(self, wanted: Sent, now: float) -> float:
        """Give the seconds until there may be room for a request; 0 where there is."""
        self._drop(lambda one: one.at <= now - _MINUTE)
        left = (self._remaining if now < self._until else self._limit) - self._spent
        if left == math.inf:
            return 0.0
        if left < min(wanted.cost(self._counts), self._limit):
            return self._until - now if now < self._until else _NAP
        if self._last is None or left <= 0:
            return 0.0
        soonest = 0.0 if self._limit == math.inf else _SOONEST
        span = min(max(self._until - now, soonest), _MINUTE)
        gap = span * min(self._last.cost(self._counts) / left, 1.0)
        return max(self._last.at + gap - now, 0.0)

    def _drop(self, over: Callable[[Sent], bool]) -> None:
        while self._log and over(self._log[0]):
            self._spent -= self._log.popleft().cost(self._counts)
