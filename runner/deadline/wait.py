"""Waiting for a moment: for hours at which a run costs less."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

_LOOK = 30.0  # seconds between looks at the clock, which may be set, or its machine asleep


def _read_clock() -> datetime:
    return datetime.now(UTC)


def wait_until(
    moment: datetime,
    clock: Callable[[], datetime] = _read_clock,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when a moment has come.

    Args:
        moment: with a time zone.
        clock: tells the time.
        sleep: waits for some seconds.
    """
    while (left := (moment - clock()).total_seconds()) > 0:
        sleep(min(left, _LOOK))
