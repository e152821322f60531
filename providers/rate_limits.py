"""Limits: how many requests and tokens a provider lets through, learned from its answers.

`runner.pace` delays requests by them. What is documented, and where (`*` is limit, remaining and
reset):

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

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

Counts = Literal["requests", "tokens", "input", "output"]

LONGEST_WAIT = 600.0  # seconds, whatever a provider asks for
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
    if not any("ratelimit" in name for name in told):
        return ()
    now = _date(told.get("date", "")) or now
    return tuple(window for shape in _SHAPES if (window := _window(shape, told, now)))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read the seconds that an answer asks to wait, from a number or a date, at most 600."""
    told = {name.title(): text for name, text in headers.items()}
    asked = asked_wait(told)
    return None if asked is None else min(asked, LONGEST_WAIT)


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


_MOST_PER_MINUTE = 100_000

_LIMITS = ("anthropic-ratelimit-requests-limit", "x-ratelimit-limit-requests")


def stated_limit(headers: Mapping[str, str]) -> int | None:
    """Read how many requests a minute a reply says that there may be."""
    for name in _LIMITS:
        text = headers.get(name, "").strip()
        if text.isascii() and text.isdigit() and int(text[:9]) > 0:
            return min(int(text[:9]), _MOST_PER_MINUTE)
    return None


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Read the seconds that a reply asks to wait: a number, or a date by the provider's clock."""
    asked = headers.get("Retry-After", "").strip()
    try:
        seconds = float(asked)
    except ValueError:
        seconds = _seconds_until(asked, headers.get("Date"))
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _seconds_until(date: str, now: str | None) -> float:
    try:
        then = parsedate_to_datetime(date)
        sent = parsedate_to_datetime(now) if now else datetime.now(UTC)
        return (_in_utc(then) - _in_utc(sent)).total_seconds()
    except (ValueError, OverflowError):
        return math.nan


def _in_utc(moment: datetime) -> datetime:
    """Take a date without a zone, `-0000` in a header, as UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
