"""A run waits for cheaper hours by looks at the clock."""

from datetime import UTC, datetime, timedelta

from runner.deadline import wait_until

NOW = datetime(2026, 11, 30, 3, 59, tzinfo=UTC)


def test_it_waits_until_then_also_where_the_clock_jumps() -> None:
    times, slept = iter([0, 30, 59.5, 400]), []
    wait_until(
        NOW + timedelta(seconds=60), lambda: NOW + timedelta(seconds=next(times)), slept.append
    )
    assert slept == [30, 30, 0.5]


def test_it_does_not_wait_for_what_is_over() -> None:
    wait_until(NOW - timedelta(hours=1), lambda: NOW, lambda _: 1 / 0)
