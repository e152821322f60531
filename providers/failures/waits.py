"""Waits: how long a provider asks to wait, in its headers or in the words of its error.

The order is `retry-after-ms`, `retry-after`, the body, and the longest reset of a limit of which
nothing remains. What is not a positive, finite time is not asked for. Dates are read by the
provider's own clock where it states it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from providers.failures.body import ErrorBody
from providers.rate_limits import (
    parse_date,
    parse_duration,
    parse_rate_limits,
    parse_retry_after,
)

_MAX_WAIT = 366 * 86400.0  # seconds; a longer one is a mistake
_BEIJING = timezone(timedelta(hours=8))
_UNIT = r"(?:milliseconds?|ms|seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|h|days?|d)"
_TIME = rf"(?:\d+(?:\.\d+)?\s*{_UNIT}\b[\s,]*(?:and\s+)?)+|(?:\d+(?:\.\d+)?{_UNIT})+"
_IN_WORDS = re.compile(
    rf"(?:again|retry|retrying|wait|available|resets?|reset)\b[^.;]{{0,40}}?\b(?:in|after|for|about)"
    rf"\s+({_TIME})|\b(?:wait|after)\s+({_TIME})",
    re.IGNORECASE,
)
_PART = re.compile(rf"(\d+(?:\.\d+)?)\s*({_UNIT})(?![a-z])", re.IGNORECASE)
_GLUED = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.IGNORECASE)
_SECONDS = {"ms": 1e-3, "milli": 1e-3, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DAY_IN_WORDS = re.compile(
    r"(?:regain access|resets?|available|try again|until)\b[^\d]{0,40}(\d{4}-\d\d-\d\d)"
    r"(?:\s*(?:at|T)?\s*(\d\d:\d\d(?::\d\d)?))?\s*(UTC|GMT|Z)?",
    re.IGNORECASE,
)
_LOCAL_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)")


def read_wait(
    headers: Mapping[str, str], said: ErrorBody, vendor: str = "", now: datetime | None = None
) -> float | None:
    """Return the seconds that a provider asks to wait; None where it asks for none.

    It may be longer than anyone would wait, such as until tomorrow.
    """
    now = read_clock(headers, now)
    for seconds in _find_waits(headers, said, vendor, now):
        if seconds is not None and math.isfinite(seconds) and 0 <= seconds <= _MAX_WAIT:
            return seconds
    return None


def read_clock(headers: Mapping[str, str], now: datetime | None = None) -> datetime:
    """Return the time by the provider's clock, and by one's own where it does not state it."""
    stated = next((text for name, text in headers.items() if name.lower() == "date"), "")
    return parse_date(stated.strip()) or now or datetime.now(UTC)


def measure_until(moment: str, now: datetime) -> float:
    """Return the seconds until a moment that a row names."""
    if moment == "next_month":
        first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        return ((first + timedelta(days=32)).replace(day=1) - now).total_seconds()
    zones = {"next_day_utc": UTC, "next_day_pacific": _find_pacific(), "next_day_beijing": _BEIJING}
    today = now.astimezone(zones[moment]).replace(hour=0, minute=0, second=0, microsecond=0)
    return ((today + timedelta(days=1)).astimezone(UTC) - now).total_seconds()


def _find_pacific() -> ZoneInfo | timezone:
    try:
        return ZoneInfo("America/Los_Angeles")
    except ZoneInfoNotFoundError:  # a system without time zones
        return timezone(timedelta(hours=-8))


def _find_waits(
    headers: Mapping[str, str], said: ErrorBody, vendor: str, now: datetime
) -> Iterator[float | None]:
    given = {name.lower(): text.strip() for name, text in headers.items()}
    yield _read_number(given.get("retry-after-ms"), 1e-3)
    yield parse_retry_after(given, at_most=_MAX_WAIT)
    yield from _find_in_fields(said, now)
    yield _read_words(said.message[:2000])
    yield _read_day(said.message[:2000], vendor, now)
    passed_on = {name.lower(): text for name, text in said.headers.items()}
    yield parse_retry_after(passed_on, at_most=_MAX_WAIT)
    for each in (given, passed_on):
        yield _read_resets(each, now)


def _find_in_fields(said: ErrorBody, now: datetime) -> Iterator[float | None]:
    waits = said.waits
    yield _read_number(waits.get("retry_after_ms"), 1e-3)
    for name in (
        "retryDelay",
        "quotaResetDelay",
        "retry_after",
        "retryAfter",
        "retry_after_seconds",
    ):
        value = waits.get(name)
        if isinstance(value, dict):
            value = value.get("seconds")
        yield _read_number(value)
        yield parse_duration(value) if isinstance(value, str) else None
    for name in ("resets_at", "quotaResetTimeStamp"):
        value = waits.get(name)
        date = parse_date(value) if isinstance(value, str) else None
        yield (date - now).total_seconds() if date else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield (value / 1000 if value > 1e11 else value) - now.timestamp()  # noqa: PLR2004 - ms


def _read_number(value: object, unit: float = 1.0) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value) * unit
    except (ValueError, OverflowError):
        return None


def _read_words(message: str) -> float | None:
    match = _IN_WORDS.search(message)
    if not match:
        return None
    time = (match[1] or match[2]).strip()
    parts = _GLUED.findall(time) if re.fullmatch(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", time) else []
    parts = parts or _PART.findall(time)
    return sum(float(number) * _measure(unit.lower()) for number, unit in parts) if parts else None


def _measure(unit: str) -> float:
    return _SECONDS["ms" if unit.startswith(("ms", "milli")) else unit[0]]


def _read_day(message: str, vendor: str, now: datetime) -> float | None:
    if vendor == "zai" and (local := _LOCAL_TIME.search(message)):  # Beijing's, without an offset
        date = parse_date(f"{local[1]}T{local[2]}+08:00")
    elif match := _DAY_IN_WORDS.search(message):
        date = parse_date(f"{match[1]}T{match[2] or '00:00'}+00:00")
    else:
        return None
    return max((date - now).total_seconds(), 0.0) if date else None


def _read_resets(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the longest reset of what is used up; a reset alone is of what was refused."""
    limits = parse_rate_limits(headers, now)
    resets = [each.reset for each in limits if each.remaining == 0 and each.reset is not None]
    if not resets and not limits and (alone := headers.get("x-ratelimit-reset")):
        number = _read_number(alone)
        return parse_duration(alone) if number is None else number
    return max(resets, default=None)
