"""Limits: how many requests and tokens a provider lets through, learned from its answers.

`read` takes what headers say, `Pace` delays the next request of a model by it. All that this module
can do is delay: nothing is refused, and no request waits at the head of its queue beyond 600 s.

What is documented, and where (`*` is limit, remaining and reset):

    OpenAI     x-ratelimit-*-requests, -tokens, resets as `1s`, `6m0s`. Of max_tokens and the prompt
               the larger counts: developers.openai.com/api/docs/guides/rate-limits
    Anthropic  anthropic-ratelimit-requests-*, -tokens-*, -input-tokens-*, -output-tokens-*, resets
               in RFC 3339. A bucket that refills evenly; output counts as it is produced, whatever
               max_tokens is: platform.claude.com/docs/en/api/rate-limits
    Groq       as OpenAI, but requests are those of a day and tokens those of a minute; resets as
               `2m59.56s`: console.groq.com/docs/rate-limits
    Cerebras   x-ratelimit-*-requests-day, -tokens-minute, resets in seconds. A bucket; a request
               counts as prompt and max_tokens: inference-docs.cerebras.ai/support/rate-limits
    Fireworks  x-ratelimit-limit-tokens-prompt, -generated: tokens per second, and only the limits:
               docs.fireworks.ai/serverless/rate-limits
    OpenRouter x-ratelimit-*, with errors only: openrouter.ai/docs/api_reference/limits
    Together   x-ratelimit-reset, an interval to retry after: docs.together.ai/docs/rate-limits
    Mistral    documents no names that tell what they count; its answers were seen to have
               x-ratelimitbysize-*-minute and ratelimitbysize-reset
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from estimator.pace import asked_wait

Counts = Literal["requests", "tokens", "input", "output"]

_MINUTE = 60.0
_LONGEST_WAIT = 600.0  # seconds, whatever a provider asks for
_NAP = 1.0  # seconds; whoever waits looks this often at what was learned meanwhile
_TICK = 0.001  # seconds; no sleep is shorter, so that rounding cannot keep it from ending
_SOONEST = 6.0  # seconds that a whole limit takes at least, because bursts are refused as well
_MOST = 1e12  # requests or tokens; a larger number is not a limit
_LONGEST_RESET = 32 * 86400.0  # seconds; limits are of a month at most
_EPOCH, _EPOCH_MS = 1e9, 1e12  # a reset from here on is a date, in seconds or milliseconds

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,20})?")
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,12})?)(ms|us|µs|ns|d|h|m|s)")
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


@dataclass(frozen=True, slots=True)
class _Shape:
    """How one limit is written: its header with `*` for the part that differs."""

    name: str
    counts: Counts
    reset: str = ""  # the header of the reset, where it is named otherwise
    per_minute: int | None = 1  # limits in a minute; None where nobody says what the limit is of


_SHAPES = (
    _Shape("anthropic-ratelimit-requests-*", "requests"),
    _Shape("anthropic-ratelimit-tokens-*", "tokens"),
    _Shape("anthropic-ratelimit-input-tokens-*", "input"),
    _Shape("anthropic-ratelimit-output-tokens-*", "output"),
    *(_Shape(f"x-ratelimit-*-requests{of}", "requests") for of in ("", "-minute", "-hour", "-day")),
    *(_Shape(f"x-ratelimit-*-tokens{of}", "tokens") for of in ("", "-minute", "-hour", "-day")),
    _Shape("x-ratelimit-*-tokens-prompt", "input", per_minute=60),
    _Shape("x-ratelimit-*-tokens-generated", "output", per_minute=60),
    _Shape("x-ratelimitbysize-*-minute", "tokens", reset="ratelimitbysize-reset"),
    _Shape("x-ratelimit-*", "requests", per_minute=None),
    _Shape("ratelimit-*", "requests", per_minute=None),
)


@dataclass(frozen=True, slots=True)
class Window:
    """What an answer says of one limit; None is what it does not say.

    Attributes:
        name: the header that says it.
        counts: requests, tokens of prompt and answer together, of prompts, or of answers.
        limit: how many in a window.
        remaining: how many are left of them.
        reset: seconds until the whole limit is there again.
    """

    name: str
    counts: Counts
    limit: float | None
    remaining: float | None
    reset: float | None


def read(headers: Mapping[str, str], now: datetime) -> tuple[Window, ...]:
    """Read what an answer, of any status, says of limits; what cannot be understood is left out.

    Args:
        headers: of the answer.
        now: with its zone; dates are taken relative to the answer's own `Date` where it has one,
            because clocks differ.
    """
    told = {name.lower(): text.strip() for name, text in headers.items()}
    now = _date(told.get("date", "")) or now
    return tuple(window for shape in _SHAPES if (window := _window(shape, told, now)))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read the seconds that an answer asks to wait, from a number or a date, at most 600."""
    told = {name.title(): text for name, text in headers.items()}
    asked = asked_wait(told)
    return None if asked is None else min(asked, _LONGEST_WAIT)


def _window(shape: _Shape, told: Mapping[str, str], now: datetime) -> Window | None:
    limit, remaining = (
        _number(told.get(shape.name.replace("*", part), "")) for part in ("limit", "remaining")
    )
    limit = limit * shape.per_minute if limit and shape.per_minute else None
    if limit is None and remaining is None:
        return None
    reset = _seconds(told.get(shape.reset or shape.name.replace("*", "reset"), ""), now)
    return Window(shape.name, shape.counts, limit, remaining, reset)


def _number(text: str) -> float | None:
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if number <= _MOST else None


def _seconds(text: str, now: datetime) -> float | None:
    """Read a reset: seconds, a duration as Go writes it, a Unix time, or a date."""
    if _NUMBER.fullmatch(text):
        number = float(text)
        since = number / 1000 if number >= _EPOCH_MS else number
        seconds = since - now.timestamp() if number >= _EPOCH else number
    elif text and not _PART.sub("", text):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    elif date := _date(text):
        seconds = (date - now).total_seconds()
    else:
        return None
    return max(seconds, 0.0) if seconds <= _LONGEST_RESET else None


def _date(text: str) -> datetime | None:
    """Read a date of RFC 3339 or of HTTP; one without a zone is in UTC."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            date = parse(text)
            return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


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
                left = began + _LONGEST_WAIT - self._clock()
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
        until = self._clock() + min(seconds, _LONGEST_WAIT)
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
