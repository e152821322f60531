"""Requests go one after the other, no faster than a limit; a provider in trouble is left alone."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from estimator.counting.provider_endpoint.rate_limiter import ThreadRateLimiter
from providers.rate_limits import parse_request_limit, parse_retry_after


class Time:
    def __init__(self):
        self.now = 1_000_000.0

    def clock(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def pace(time):
    return lambda per_minute: ThreadRateLimiter(per_minute, sleep=time.sleep, clock=time.clock)


def take(pace, number):
    """Take a number of turns; give when each came."""
    return [pace.acquire(lambda: False) - 1_000_000 for _ in range(number)]


@pytest.mark.parametrize("per_minute", [1, 7, 100, 500, 3000, 8000])
def test_a_minutes_requests_go_at_once_and_the_rest_evenly(pace, per_minute):
    times = take(pace(per_minute), 3 * per_minute)
    evenly = [60 / per_minute * n for n in range(1, 2 * per_minute + 1)]
    assert times == pytest.approx([0] * per_minute + evenly, abs=1e-3)


def test_what_was_not_used_is_there_again_but_no_more_than_a_minutes(pace, time):
    slow = pace(60)
    take(slow, 60)
    time.now += 30
    assert take(slow, 31)[-1] == pytest.approx(31)
    time.now += 10_000
    assert take(slow, 61)[-1] == pytest.approx(10_031 + 1)


def test_a_stated_limit_is_gone_by_at_once_in_both_directions(pace):
    one = pace(100)
    take(one, 100)
    one.set_limit(6000)
    assert take(one, 10)[-1] == pytest.approx(0.1)
    one.set_limit(6)
    assert take(one, 3)[-1] == pytest.approx(0.1 + 30, abs=0.1)


def test_a_pause_holds_all_and_the_longest_counts(pace):
    one = pace(100)
    one.pause(50)
    one.pause(5)
    assert take(one, 3) == pytest.approx([50, 50, 50])


def test_after_a_429_the_bucket_is_empty_and_the_rate_halved_once(pace):
    one = pace(60)
    (sent_at,) = take(one, 1)
    for _ in range(8):  # eight that were in flight together
        one.pause(20)
        one.slow_down(sent_at + 1_000_000)
    assert take(one, 4) == pytest.approx([20, 22, 24, 26])
    one.slow_down(1_000_026)
    assert take(one, 3) == pytest.approx([30, 34, 38])


def test_a_limit_that_is_stated_again_and_again_does_not_undo_a_slowing(pace):
    one = pace(60)
    one.set_limit(120)
    take(one, 1)
    one.slow_down(1_000_000)
    one.set_limit(120)
    assert take(one, 3) == pytest.approx([0, 1, 2])


def test_the_rate_never_falls_below_one_a_minute(pace, time):
    one = pace(2)
    for _ in range(20):
        one.slow_down(time.now)
        time.now += 1
    first, second = take(one, 2)
    assert second - first == pytest.approx(60)


def test_whoever_waits_is_let_go_soon_after_it_is_not_wanted(pace, time):
    one = pace(100)
    one.pause(200)
    assert one.acquire(lambda: time.now > 1_000_003) is None
    assert time.now <= 1_000_005


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
        ("-3", 0),
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
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert parse_retry_after({"Retry-After": then}) == pytest.approx(90, abs=5)
    assert parse_retry_after({}) is None
