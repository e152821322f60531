"""How long a provider asks to wait, wherever it says so."""

import json
from datetime import UTC, datetime

import pytest

from providers.failures.body import read_error_body
from providers.failures.waits import measure_until, read_wait
from tests.providers.failures.samples import error, read

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
DATE = {"Date": "Fri, 27 Nov 2026 12:00:00 GMT"}
LIMIT = {"x-ratelimit-limit-requests": "9", "x-ratelimit-remaining-requests": "0"}


def wait(body=None, vendor="", **headers):
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    said = read_error_body(json.dumps(body or {"error": "x"}).encode())
    return read_wait(given, said, vendor, NOW)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5),
        ({"retry_after": "2.5"}, 2.5),
        ({"retry_after": "1m30s"}, 90),
        ({"retry_after": "Fri, 27 Nov 2026 12:00:40 GMT", **DATE}, 40),
        ({"retry_after": "inf"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "-5"}, None),
        ({"retry_after_ms": "-1", "retry_after": "4"}, 4),
        ({**LIMIT, "x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "6m0s"}, None),
        ({"retry_after": "7", **LIMIT, "x-ratelimit-reset-requests": "6m0s"}, 7),
        ({"x_ratelimit_reset": "3"}, 3),
        ({}, None),
    ],
)
def test_headers_say_it_in_this_order(headers, seconds):
    assert wait(**headers) == seconds


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Rate limit reached. Please try again in 1m2.5s.", 62.5),
        ("Please try again in 20ms. Visit https://x", 0.02),
        ("Please try again in 33m57.312s", 2037.312),
        ("Please retry in 33.5s.", 33.5),
        ("Please retry after 12 seconds.", 12),
        ("please try again after 1 seconds", 1),
        ("Try again in 2 minutes", 120),
        ("Retry in 1 hour and 3 minutes", 3780),
        ("You will regain access on 2026-12-01 at 00:00 UTC.", 302_400),
        ("It failed after 3 tries", None),
        ("Nothing", None),
    ],
)
def test_a_message_says_it_in_words(message, seconds):
    found = wait(error(message))
    assert found == (seconds if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"details": [{"retryDelay": "6s"}]}, 6),
        ({"details": [{"retryDelay": "21599.96s"}]}, 21599.96),
        ({"details": [{"metadata": {"quotaResetDelay": "1h2m3s"}}]}, 3723),
        ({"metadata": {"availability": {"retry_after": 9}}}, 9),
        ({"availability": {"retry_after": 9.5}}, 9.5),
        ({"metadata": {"resets_at": "2026-11-27T13:00:00Z"}}, 3600),
        ({"metadata": {"headers": {"X-RateLimit-Reset": "1795782000000"}}}, None),
        ({"retry_after": "inf"}, None),
        ({"retry_after": -3}, None),
    ],
)
def test_a_body_says_it_in_a_field(fields, seconds):
    if "headers" in fields.get("metadata", {}):
        moment = str(int(NOW.timestamp() * 1000) + 12_000)
        headers = {"X-RateLimit-Reset": moment, "X-RateLimit-Remaining": "0"}
        fields, seconds = {"metadata": {"headers": headers}}, 12
    found = wait(error("x", **fields))
    assert found == (seconds if seconds is None else pytest.approx(seconds))


def test_beijings_time_is_read_without_an_offset():
    said = error("Your limit will reset at 2026-11-27 21:00:00", code="1308")
    assert wait(said, "zai") == 3600


def test_the_providers_clock_counts_where_it_is_stated():
    said = error("You will regain access on 2026-11-27 at 12:05 UTC")
    assert wait(said, Date="Fri, 27 Nov 2026 12:04:00 GMT") == 60


def test_a_quota_of_a_day_wins_over_a_short_delay():
    quota = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
    details = [quota, {"retryDelay": "6s"}]
    failure = read(
        "google", 429, error("quota", status="RESOURCE_EXHAUSTED", details=details), DATE
    )
    assert failure.wait == 20 * 3600, "midnight in California is 08:00 UTC"


@pytest.mark.parametrize(
    ("moment", "hours"),
    [("next_day_utc", 12), ("next_day_pacific", 20), ("next_day_beijing", 4), ("next_month", 84)],
)
def test_moments_are_measured(moment, hours):
    assert measure_until(moment, NOW) == hours * 3600


def test_the_next_month_of_december_is_january():
    assert measure_until("next_month", datetime(2026, 12, 31, 23, tzinfo=UTC)) == 3600
