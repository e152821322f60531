"""Limits and waits are read from what providers document."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.rate_limits import (
    parse_rate_limits,
    parse_request_limit,
    parse_retry_after,
)

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
EPOCH = NOW.timestamp()

# What providers document, with their own example figures where they give any; see
# providers/rate_limits.py.
DOCUMENTED = {
    "openai": (
        {
            "x-ratelimit-limit-requests": "60",
            "x-ratelimit-limit-tokens": "150000",
            "x-ratelimit-remaining-requests": "59",
            "x-ratelimit-remaining-tokens": "149984",
            "x-ratelimit-reset-requests": "1s",
            "x-ratelimit-reset-tokens": "6m0s",
        },
        {("requests", 60, 59, 1), ("tokens", 150_000, 149_984, 360)},
    ),
    "openai, milliseconds": (
        {
            "x-ratelimit-limit-requests": "5000",
            "x-ratelimit-remaining-requests": "4999",
            "x-ratelimit-reset-requests": "12ms",
            "x-ratelimit-limit-tokens_usage_based": "160000",
        },
        {("requests", 5000, 4999, 0.012)},
    ),
    "anthropic": (
        {
            "anthropic-ratelimit-requests-limit": "1000",
            "anthropic-ratelimit-requests-remaining": "999",
            "anthropic-ratelimit-requests-reset": "2026-03-01T12:00:01Z",
            "anthropic-ratelimit-tokens-limit": "96000",
            "anthropic-ratelimit-tokens-remaining": "90000",
            "anthropic-ratelimit-tokens-reset": "2026-03-01T12:00:04Z",
            "anthropic-ratelimit-input-tokens-limit": "80000",
            "anthropic-ratelimit-input-tokens-remaining": "78000",
            "anthropic-ratelimit-input-tokens-reset": "2026-03-01T13:00:02+01:00",
            "anthropic-ratelimit-output-tokens-limit": "16000",
            "anthropic-ratelimit-output-tokens-remaining": "12000",
            "anthropic-ratelimit-output-tokens-reset": "2026-03-01T12:00:15Z",
            "anthropic-priority-input-tokens-limit": "1",
        },
        {
            ("requests", 1000, 999, 1),
            ("tokens", 96_000, 90_000, 4),
            ("input", 80_000, 78_000, 2),
            ("output", 16_000, 12_000, 15),
        },
    ),
    "groq": (
        {
            "retry-after": "2",
            "x-ratelimit-limit-requests": "14400",
            "x-ratelimit-limit-tokens": "18000",
            "x-ratelimit-remaining-requests": "14370",
            "x-ratelimit-remaining-tokens": "17997",
            "x-ratelimit-reset-requests": "2m59.56s",
            "x-ratelimit-reset-tokens": "7.66s",
        },
        {("requests", 14_400, 14_370, 179.56), ("tokens", 18_000, 17_997, 7.66)},
    ),
    "cerebras": (
        {
            "x-ratelimit-limit-requests-day": "1000000000",
            "x-ratelimit-limit-tokens-minute": "1000000000",
            "x-ratelimit-remaining-requests-day": "999997455",
            "x-ratelimit-remaining-tokens-minute": "999998298",
            "x-ratelimit-reset-requests-day": "33011.382867097855",
            "x-ratelimit-reset-tokens-minute": "11.382867097854614",
        },
        {
            ("requests", 1e9, 999_997_455, 33011.382867097855),
            ("tokens", 1e9, 999_998_298, 11.382867097854614),
        },
    ),
    "fireworks, per second": (
        {"X-Ratelimit-Limit-Tokens-Prompt": "500", "X-Ratelimit-Limit-Tokens-Generated": "125"},
        {("input", 30_000, None, None), ("output", 7500, None, None)},
    ),
    "openrouter, milliseconds since 1970": (
        {
            "X-RateLimit-Limit": "20",
            "X-RateLimit-Remaining": "0",
            "X-RateLimit-Reset": f"{EPOCH + 12:.0f}000",
        },
        {("requests", None, 0, 12)},
    ),
    "together": ({"x-ratelimit-reset": "3"}, set()),
    "mistral": (
        {
            "x-ratelimitbysize-limit-minute": "500000",
            "x-ratelimitbysize-remaining-minute": "467993",
            "ratelimitbysize-reset": "40",
            "ratelimitbysize-query-cost": "32007",
        },
        {("tokens", 500_000, 467_993, 40)},
    ),
    "azure, which sends -1 for nothing": (
        {
            "x-ratelimit-limit-tokens": "-1",
            "x-ratelimit-remaining-tokens": "-1",
            "x-ratelimit-reset-tokens": "0",
        },
        set(),
    ),
    "nobody": ({"content-type": "application/json"}, set()),
}


@pytest.mark.parametrize("provider", DOCUMENTED)
def test_what_providers_document_is_read(provider):
    headers, expected = DOCUMENTED[provider]
    windows = parse_rate_limits(headers, NOW)
    assert {(w.unit, w.limit, w.remaining) for w in windows} == {e[:3] for e in expected}
    resets = {(w.unit, w.limit): w.reset for w in windows}
    for counts, limit, _, reset in expected:
        assert resets[counts, limit] == (reset if reset is None else pytest.approx(reset))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("20ms", 0.02),
        ("1h2m3s", 3723),
        ("1m0.5s", 60.5),
        ("500µs", 0.0005),
        ("0", 0),
        ("0s", 0),
        ("42.5", 42.5),
        (f"{EPOCH + 30:.0f}", 30),
        (format_datetime(NOW + timedelta(seconds=9), usegmt=True), 9),
        ("2026-03-01T11:00:00Z", 0),  # long past
        ("2026-03-01T12:00:07", 7),  # without a zone
        ("", None),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("1 s", None),
        ("5x", None),
        ("99999d", None),
        ("9999-12-31T23:59:59-23:59", None),
    ],
)
def test_a_reset_is_read_or_not_told(text, seconds):
    headers = {"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": text}
    (window,) = parse_rate_limits(headers, NOW)
    assert window.reset == (seconds if seconds is None else pytest.approx(seconds))


def test_dates_are_taken_by_the_providers_clock():
    headers = {
        "Date": format_datetime(NOW + timedelta(hours=1), usegmt=True),
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-reset": "2026-03-01T13:00:05Z",
        "Retry-After": format_datetime(NOW + timedelta(hours=1, seconds=8), usegmt=True),
    }
    (window,) = parse_rate_limits(headers, NOW)
    assert window.reset == 5
    assert parse_retry_after(headers) == 8


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1e9", "12x", "", "9" * 40, "1,000", "٣"])
@pytest.mark.parametrize("part", ["limit", "remaining"])
def test_a_number_that_cannot_be_one_is_left_out(part, text):
    assert parse_rate_limits({f"x-ratelimit-{part}-requests": text}, NOW) == ()


def test_a_limit_of_nothing_is_no_limit():
    assert parse_rate_limits({"x-ratelimit-limit-requests": "0"}, NOW) == ()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20", 20),
        ("0.5", 0.5),
        ("-5", None),
        ("86400", 600),
        ("nan", None),
        ("inf", None),
        ("", None),
    ],
)
def test_the_wait_asked_for_is_at_most_ten_minutes(text, seconds):
    assert parse_retry_after({"retry-after": text}) == seconds
    assert parse_retry_after({}) is None


KNOWN = sorted({name for headers, _ in DOCUMENTED.values() for name in headers})
NAMES = st.sampled_from([*KNOWN, "Retry-After", "Date"])
NUMBERS = st.floats().map(str) | st.integers().map(str)
DATES = st.datetimes().map(datetime.isoformat) | st.datetimes().map(format_datetime)
HEADERS = st.dictionaries(NAMES, st.text() | NUMBERS | DATES | st.from_regex(r"[0-9.hms]{1,9}"))


@settings(max_examples=400)
@given(HEADERS)
def test_no_header_can_do_harm(headers):
    windows = parse_rate_limits(headers, NOW)
    for window in windows:
        assert window.limit is None or 0 < window.limit < 1e14
        assert window.remaining is None or 0 <= window.remaining <= 1e12
        assert window.reset is None or 0 <= window.reset <= 32 * 86400
    assert 0 <= (parse_retry_after(headers) or 0) <= 600


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("4000", 4000),
        (" 50 ", 50),
        ("0", None),
        ("-5", None),
        ("1.5", None),
        ("many", None),
        ("", None),
        ("٥", None),
        ("9" * 5000, 100_000),
    ],
)
def test_a_limit_is_read_where_it_is_one(text, limit):
    assert parse_request_limit({"anthropic-ratelimit-requests-limit": text}) == limit
    assert parse_request_limit({"x-ratelimit-limit-requests": text}) == limit
    assert parse_request_limit({}) is None


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("17", 17),
        ("2.5", 2.5),
        ("-3", None),
        ("Fri, 20 Nov 2026 12:00:40 GMT", 40),
        ("Fri, 20 Nov 2026 12:00:40 -0000", 40),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("Fri, 99 Nov 2026 12:00:40 GMT", None),
        ("soon", None),
        ("", None),
        ("inf", None),
        ("nan", None),
        ("1e999", None),
    ],
)
def test_a_wait_is_read_as_seconds_or_as_a_date_by_the_providers_clock(asked, seconds):
    headers = {"Retry-After": asked, "Date": "Fri, 20 Nov 2026 12:00:00 GMT"}
    assert parse_retry_after(headers, at_most=math.inf) == seconds


def test_a_date_without_the_providers_clock_is_read_by_ones_own():
    before = datetime.now(UTC)
    then = before.replace(microsecond=0) + timedelta(seconds=90)
    asked = parse_retry_after({"Retry-After": format_datetime(then, usegmt=True)})
    assert (then - datetime.now(UTC)).total_seconds() <= asked <= (then - before).total_seconds()
    assert parse_retry_after({}) is None
