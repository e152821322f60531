"""Rest time: how long the rest of a run takes, as a range.

The work that is left by the pace of the last answers, and the wait for the last answers as in a
plan's time (`estimator.wall_time`). Its range is of three independent errors: what the answers that
were counted say of the pace, how long those that are left are, and a pace that changes (a judgment:
10 % either way, as the standard deviation of its logarithm).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from estimator.wall_time import Z90, find_last_wait, hours_to_json
from estimator.workload import StratumKey
from experiment.definition import SUBJECT
from runner.timing.run_pace import RunPace

_DRIFT = 0.10
_HOUR = 3600.0
_LONGEST = 1e9  # seconds


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """How long the rest of a run takes, in seconds: a 90 % range, without pauses.

    Attributes:
        low, likely, high: of the time.
    """

    low: float
    likely: float
    high: float

    def to_json(self) -> dict[str, float]:
        """Return it as JSON, in hours."""
        return hours_to_json(self)

    @classmethod
    def from_json(cls, data: Any) -> TimeLeft | None:  # noqa: ANN401 - of a file
        """Read what `to_json` returned; None where it is something else."""
        if not isinstance(data, dict):
            return None
        seconds = [float(data[name]) * _HOUR for name in ("low", "likely", "high")]
        if not all(0 <= each <= _LONGEST for each in seconds) or sorted(seconds) != seconds:
            raise ValueError(f"{data} is no time")
        return cls(*seconds)


def find_time_left(
    pace: RunPace, left: Iterable[tuple[StratumKey, float, float]], now: float
) -> TimeLeft | None:
    """Return how long the rest of a run takes; None where it is too early to say.

    Args:
        pace: of the run.
        left: of each stratum how many calls are left, and the tokens that its plan expects of one.
        now: in seconds of the clock by which the pace was told of calls.
    """
    found = pace.measure(now)
    rest = [
        (key.stage, calls, pace.weigh(key.model, pace.expect_output(key, planned)))
        for key, calls, planned in left
        if calls > 0
    ]
    work = math.fsum(calls * one for _, calls, one in rest)
    calls = math.fsum(calls for _, calls, _ in rest)
    if found is None or work <= 0:
        return None
    # By Little's law a call takes as long as what is in flight with it takes to be done.
    seconds = found.in_flight / found.rate
    answer = max((one for stage, _, one in rest if stage == SUBJECT), default=0.0) * seconds
    verdict = max((one for stage, _, one in rest if stage != SUBJECT), default=0.0) * seconds
    wait = (answer or verdict) * (1 + found.variation) / 2
    least = wait + (verdict if answer else 0.0)
    places = max(min(found.in_flight, calls), 1.0)
    squares = (1 + found.variation) / found.answers + found.variation / max(calls, 1.0)
    sigma = math.sqrt(squares + _DRIFT**2)
    low, likely, high = (
        min(
            max(work / found.rate, least) * math.exp(sigma * z) + find_last_wait(wait, places, z),
            _LONGEST,
        )
        for z in (-Z90, 0.0, Z90)
    )
    return TimeLeft(low, likely, high)
