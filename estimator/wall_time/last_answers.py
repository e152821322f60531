"""Last answers: how long a run waits at its end for the longest of what is in flight.

When the last job is begun, k others are under way. What is left of one is on average
J (1 + v) / 2, for a mean of J and a squared coefficient of variation of v (the inspection paradox:
long ones are more likely to be met). The largest of k such remainders, about exponential, is
ln k + 0.577 of that on average, with ends of its 90 % range at ln k - 1.097 and ln k + 2.970
(Gumbel's distribution); one of it is in the sum of all work already. Of a few the quantiles are
drawn in by 1 - 1 / k, as one alone is waited for by none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from estimator.wall_time.call_load import CallLoad
from estimator.wall_time.speed import Speed

_EULER = 0.5772157


@dataclass(frozen=True, slots=True)
class JobTime:
    """The time of a model's jobs: an answer with its verdicts.

    Attributes:
        model: under study; a judge's where only verdicts are left.
        number: how many jobs.
        seconds: of one on average.
        deviation: its standard deviation between jobs.
        wait: what is left of one that is under way, on average.
        least: the part that does not depend on how long the answer is.
    """

    model: str
    number: float
    seconds: float
    deviation: float
    wait: float
    least: float


def find_jobs(
    loads: Sequence[CallLoad], speeds: Mapping[str, Speed], z: float
) -> tuple[JobTime, ...]:
    """Return the jobs of each model, at speeds so many deviations off."""
    subjects = [each for each in loads if each.is_subject] or list(loads)
    number = sum(each.requests for each in subjects)
    judges = [each for each in loads if each not in subjects]
    judging = sum(_time_all(each, speeds[each.model], z) for each in judges)
    return tuple(
        _find_job(each, speeds[each.model], z, judging / max(number, 1.0)) for each in subjects
    )


def find_last_wait(one: float, number: float, z: float) -> float:
    """Return how much longer the longest of several waits is than one of them, in seconds.

    Args:
        one: of them, on average.
        number: of them.
        z: at a quantile so many deviations off; 0 for the average.
    """
    if number <= 1:
        return 0.0
    return one * max(math.log(number) + (_find_gumbel(z) - 1) * (1 - 1 / number), 0.0)


def time_longest(job: JobTime, number: float, z: float) -> float:
    """Return the time of the longest of several jobs that begin together, in seconds.

    Args:
        job: of which model.
        number: of them, 1 or more.
        z: as above; one job by itself may also take less than one does on average.
    """
    beyond = job.deviation * (math.log(max(number, 1.0)) + _find_gumbel(z) - 1)
    return max(job.seconds + (beyond if z < 0 else max(beyond, 0.0)), job.least)


def _find_gumbel(z: float) -> float:
    """Return a quantile of Gumbel's distribution; its mean for 0."""
    if z == 0:
        return _EULER
    share = 0.5 * math.erfc(-z / math.sqrt(2))
    return -math.log(-math.log(share))


def _find_job(load: CallLoad, speed: Speed, z: float, judging: float) -> JobTime:
    requests = max(load.requests, 1e-9)
    writing = load.output.likely * speed.per_token * speed.scale(z) / requests
    seconds = _time_all(load, speed, z) / requests + judging
    variance = load.cv_squared * writing**2
    wait = (seconds + variance / seconds) / 2 if seconds > 0 else 0.0
    return JobTime(load.model, load.requests, seconds, math.sqrt(variance), wait, seconds - writing)


def _time_all(load: CallLoad, speed: Speed, z: float) -> float:
    each = load.requests * speed.first + load.output.likely * speed.per_token
    return each * speed.scale(z)
