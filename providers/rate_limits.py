"""Rate limits: how many requests and tokens a provider allows, and how long it asks to wait.

They are read from a response's headers, whatever the case of their names. The runner spreads its
requests by all limits (`parse_rate_limits`); the estimator's count endpoint only needs the requests
per minute (`parse_request_limit`). What is documented, and where (`*` is limit, remaining and
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
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

LimitUnit = Literal["requests", "tokens", "input", "output"]

MAX_WAIT = 600.0  # seconds, whatever a provider asks for
_MAX_LIMIT = 1e12  # requests or tokens; a larger number is not a limit
_MAX_RESET = 32 * 86400.0  # seconds; limits are of a month at most
_MAX_PER_MINUTE = 100_000  # requests; a larger limit is as good as none
# A reset from here on is a date, in seconds or milliseconds.
_UNIX_TIME_FROM, _UNIX_TIME_MS_FROM = 1e9, 1e12

# Formats whose limit is documented as one of a minute, whoever sends it.
_MINUTE_NAMES = {
    *("anthropic-ratelimit-requests-*", "anthropic-ratelimit-tokens-*"),
    *("x-ratelimit-*-requests-minute", "x-ratelimit-*-tokens-minute", "x-ratelimit-*-tokens"),
    "x-ratelimitbysize-*-minute",
}
_LIMIT_HEADERS = ("anthropic-ratelimit-requests-limit", "x-ratelimit-limit-requests")

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,20})?")
_DURATION_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,12})?)(ms|us|µs|ns|d|h|m|s)")
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


@dataclass(frozen=True, slots=True)
class _HeaderFormat:
    """How one limit is written in headers, with `*` for the part that varies."""

    name: str
    unit: LimitUnit
    reset: str = ""  # the header of the reset, where it is named otherwise
    per_minute: int | None = 1  # limits in a minute; None where its period is not documented


_HEADER_FORMATS = (
    _HeaderFormat("anthropic-ratelimit-requests-*", "requests"),
    _HeaderFormat("anthropic-ratelimit-tokens-*", "tokens"),
    _HeaderFormat("anthropic-ratelimit-input-tokens-*", "input"),
    _HeaderFormat("anthropic-ratelimit-output-tokens-*", "output"),
    *(
        _HeaderFormat(f"x-ratelimit-*-requests{of}", "requests")
        for of in ("", "-minute", "-hour", "-day")
    ),
    *(
        _HeaderFormat(f"x-ratelimit-*-tokens{of}", "tokens")
        for of in ("", "-minute", "-hour", "-day")
    ),
    _HeaderFormat("x-ratelimit-*-tokens-prompt", "input", per_minute=60),
    _HeaderFormat("x-ratelimit-*-tokens-generated", "output", per_minute=60),
    _HeaderFormat("x-ratelimitbysize-*-minute", "tokens", reset="ratelimitbysize-reset"),
    _HeaderFormat("x-ratelimit-*", "requests", per_minute=None),
    _HeaderFormat("ratelimit-*", "requests", per_minute=None),
)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What a response says about one limit; None where it says nothing.

    Attributes:
        name: the header that says it.
        unit: requests, tokens of prompt and answer together, of prompts, or of answers.
        limit: how many in a window.
        remaining: how many are left of them.
        reset: seconds until the whole limit is there again.
    """

    name: str
    unit: LimitUnit
    limit: float | None
    remaining: float | None
    reset: float | None


def parse_rate_limits(headers: Mapping[str, str], now: datetime) -> tuple[RateLimit, ...]:
    """Parse the rate limits in a response of any status; skip what cannot be understood.

    Args:
        headers: of the answer.
        now: with its zone; dates are taken relative to the answer's own `Date` where it has one,
            because clocks differ.
    """
    fields = _lower_names(headers)
    if not any("ratelimit" in name for name in fields):
        return ()
    now = parse_date(fields.get("date", "")) or now
    return tuple(
        window for shape in _HEADER_FORMATS if (window := _parse_rate_limit(shape, fields, now))
    )


def find_minute_limit(limits: Iterable[RateLimit], unit: LimitUnit, provider: str) -> float | None:
    """Return how many requests or tokens a minute limits state; None where none is documented so.

    Args:
        limits: of one answer.
        unit: requests, or tokens of prompt and answer together.
        provider: its name; only OpenAI documents that a plain limit of requests is of a minute.
    """
    names = _MINUTE_NAMES | ({"x-ratelimit-*-requests"} if provider == "openai" else set())
    stated = [
        each.limit for each in limits if each.unit == unit and each.name in names and each.limit
    ]
    return min(stated, default=None)


def parse_request_limit(headers: Mapping[str, str]) -> int | None:
    """Parse the limit of requests per minute that a response states."""
    fields = _lower_names(headers)
    for name in _LIMIT_HEADERS:
        text = fields.get(name, "")
        if text.isascii() and text.isdigit() and int(text[:9]) > 0:
            return min(int(text[:9]), _MAX_PER_MINUTE)
    return None


def parse_retry_after(headers: Mapping[str, str], *, at_most: float = MAX_WAIT) -> float | None:
    """Parse the seconds that a response asks to wait: a number, or a date by its own clock.

    More than `at_most` counts as that; infinity, what is negative and what cannot be read are None.
    A date that is past is 0.
    """
    fields = _lower_names(headers)
    asked = fields.get("retry-after", "")
    try:
        seconds = float(asked)
        seconds = seconds if seconds >= 0 else math.nan
    except ValueError:
        duration = parse_duration(asked)
        seconds = _seconds_until(asked, fields.get("date")) if duration is None else duration
    return min(max(seconds, 0.0), at_most) if math.isfinite(seconds) else None


def _lower_names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): text.strip() for name, text in headers.items()}


def _parse_rate_limit(
    header_format: _HeaderFormat, headers: Mapping[str, str], now: datetime
) -> RateLimit | None:
    limit, remaining = (
        _parse_number(headers.get(header_format.name.replace("*", part), ""))
        for part in ("limit", "remaining")
    )
    limit = limit * header_format.per_minute if limit and header_format.per_minute else None
    if limit is None and remaining is None:
        return None
    reset = _parse_reset(
        headers.get(header_format.reset or header_format.name.replace("*", "reset"), ""), now
    )
    return RateLimit(header_format.name, header_format.unit, limit, remaining, reset)


def _parse_number(text: str) -> float | None:
    number = float(text) if _NUMBER.fullmatch(text) else math.inf
    return number if number <= _MAX_LIMIT else None


def _parse_reset(text: str, now: datetime) -> float | None:
    """Parse a reset: seconds, a Go duration, a Unix time, or a date."""
    if _NUMBER.fullmatch(text):
        number = float(text)
        since = number / 1000 if number >= _UNIX_TIME_MS_FROM else number
        seconds = since - now.timestamp() if number >= _UNIX_TIME_FROM else number
    elif (duration := parse_duration(text)) is not None:
        seconds = duration
    elif date := parse_date(text):
        seconds = (date - now).total_seconds()
    else:
        return None
    return max(seconds, 0.0) if seconds <= _MAX_RESET else None


def parse_duration(text: str) -> float | None:
    """Parse seconds written with their units, such as `6m0s` or `21599.96s`."""
    text = text.strip()[:100]
    if not text or _DURATION_PART.sub("", text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(text))


def parse_date(text: str) -> datetime | None:
    """Parse an RFC 3339 or HTTP date; one without a zone is in UTC."""
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            return _assume_utc(parse(text)).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def _seconds_until(date: str, now: str | None) -> float:
    try:
        then = parsedate_to_datetime(date)
        sent = parsedate_to_datetime(now) if now else datetime.now(UTC)
        return (_assume_utc(then) - _assume_utc(sent)).total_seconds()
    except (ValueError, OverflowError):
        return math.nan


def _assume_utc(moment: datetime) -> datetime:
    """Return a date with UTC as its zone if it has none, as with `-0000` in a header."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
