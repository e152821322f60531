"""What is done by a time: `--by TIME` of several commands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from afcost.errors import Refused
from afcost.rendering.durations import format_duration
from estimator.processing import ChosenWays, NotInTime

_MINUTE = timedelta(minutes=1)


def choose_in_time(choose: Callable[[float], ChosenWays], by: datetime) -> ChosenWays:
    """Return what is chosen to be done by a time.

    Args:
        choose: chooses for the seconds that are left.
        by: the time.

    Raises:
        Refused: nothing is done by then; it says what is possible.
    """
    now = datetime.now().astimezone()
    try:
        return choose((by - now).total_seconds())
    except NotInTime as found:
        soonest = (now + timedelta(seconds=found.fastest)).replace(second=0) + 2 * _MINUTE
        raise Refused(
            f"--by {by:%Y-%m-%d %H:%M}: nothing is likely done by then; the fastest way takes up "
            f"to {format_duration(found.fastest)} in 90% of cases. Possible: "
            f"--by {soonest:%Y-%m-%dT%H:%M} or later, a higher --concurrency, or fewer queries"
        ) from found
