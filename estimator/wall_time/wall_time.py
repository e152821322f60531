"""Wall time: how long calls take together, by the concurrency and by each limit.

With C calls in flight, calls of T seconds each, and n jobs (an answer with its verdicts) of J
seconds, a run takes at least

    slots    sum of all T / C, and then the wait for its last answers (`last_answers`), as the
             places on the wire are empty one after the other at its end
    answer   the longest of n draws of J, however many places there are
    limit    what counts against a limit / that limit in a minute; the first minute's allowance may
             be sent at once, or may have to be waited for
    ramp     J (log4 C - (1 - 1 / C) / 3) before all places are in use, as each answer admits
             three more calls, so that four times as many are in flight in each round; nothing of
             it where a model is trusted from before. Under a large cap it is shorter

and about the largest of these, as work flows while a limit or a place is free: Graham (1969),
"Bounds on multiprocessing timing anomalies": at most sum T / C + (1 - 1 / C) max T. The formula is
evaluated three times: at the low ends of lengths, times and waits, at the likely ones, and at the
high ends. Lengths and speeds are independent; priors of several models err together, measured
speeds each for itself. What it leaves out: failures, retries, and what a provider asks to wait for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from estimator.wall_time.account_limits import NO_LIMITS, AccountLimits
from estimator.wall_time.call_load import CallLoad
from estimator.wall_time.last_answers import JobTime, find_jobs, find_last_wait, time_longest
from estimator.wall_time.speed import Z90, Speed

_MINUTE = 60.0
_LEAST_FACTOR = 0.05  # of a likely time, by one error alone
_FEW = 8  # places, of which each number is tried
_GROWTH = 4  # times as many in flight in each round of slow start (`runner.execution.slow_start`)
_LONGEST = 1e12  # seconds: beyond all figures that are shown


class _Point(NamedTuple):
    """A point of the range: how many deviations off, and how much of slow start there is."""

    z: float
    ramp: float


_POINTS = (_Point(-Z90, 0.0), _Point(0.0, 0.5), _Point(Z90, 1.0))


@dataclass(frozen=True, slots=True)
class Bound:
    """Something that a run cannot be faster than, in seconds.

    Attributes:
        kind: `concurrency`, `answer_time`, `requests_per_minute` or `tokens_per_minute`.
        model: whose limit or answers they are; empty for the concurrency.
        limit: how many in flight, or a minute; None for an answer's time.
        low, likely, high: of the time that it makes a run take.
    """

    kind: str
    model: str
    limit: float | None
    low: float
    likely: float
    high: float


@dataclass(frozen=True, slots=True)
class WallTime:
    """How long calls take together, in seconds: a 90 % range, with what bounds it.

    Attributes:
        low, likely, high: of the time.
        bounds: the largest one first, by its likely time.
        concurrency: calls in flight, at most.
    """

    low: float
    likely: float
    high: float
    bounds: tuple[Bound, ...]
    concurrency: int

    @property
    def bound_by(self) -> Bound:
        """What makes it take so long."""
        return self.bounds[0]


def find_wall_time(
    loads: Sequence[CallLoad],
    speeds: Mapping[str, Speed],
    limits: Mapping[str, AccountLimits],
    concurrency: int,
) -> WallTime:
    """Return how long calls take together.

    Args:
        loads: the calls; each with some requests.
        speeds: of each model.
        limits: of each model, as far as they are known.
        concurrency: calls in flight, at most.
    """
    jobs = [find_jobs(loads, speeds, p.z) for p in _POINTS]
    work = [_add_up(loads, speeds, p.z) for p in _POINTS]
    each = list(zip(work, jobs, _POINTS, strict=True))
    slots = [_time_slots(seconds, own, concurrency, p) for seconds, own, p in each]
    answers = [_time_answers(seconds, own, p) for seconds, own, p in each]
    found = [
        *_list_places(slots, answers, jobs[1], work[1], concurrency, _POINTS[1]),
        *_list_limits(loads, limits, jobs),
    ]
    found.sort(key=lambda each: -each.likely)
    low, likely, high = (
        min(max(getattr(each, name) for each in found), _LONGEST)
        for name in ("low", "likely", "high")
    )
    return WallTime(low, likely, high, tuple(found), concurrency)


def _add_up(loads: Sequence[CallLoad], speeds: Mapping[str, Speed], z: float) -> float:
    """Return the seconds of all calls, so many deviations off.

    What errs by itself adds in squares, as factors: the lengths, as their ranges have it, the
    priors of speeds, each measured speed, and how much single answers vary where that is not in
    the range of their lengths.
    """
    total = lengths = priors = squares = 0.0
    for each in loads:
        speed = speeds[each.model]
        likely = each.requests * speed.first + each.output.likely * speed.per_token
        end = each.output.low if z < 0 else each.output.high
        total += likely
        lengths += (end - each.output.likely) * speed.per_token
        off = likely * (speed.scale(z) - 1)
        if speed.is_measured:
            squares += off**2
        else:
            priors += off
        one = each.output.likely * speed.per_token / max(each.requests, 1.0)
        squares += (1 - each.measured) * each.requests * each.cv_squared * (one * z) ** 2
    if total <= 0 or z == 0:
        return total
    deviations = (lengths, priors, math.copysign(math.sqrt(squares), z))
    factors = (max(1 + each / total, _LEAST_FACTOR) for each in deviations)
    return total * math.exp(math.copysign(math.hypot(*map(math.log, factors)), z))


def _time_slots(work: float, jobs: Sequence[JobTime], concurrency: int, point: _Point) -> float:
    """Return the time by the concurrency: by as many of its places as make all soonest done."""
    useful = max(min(float(concurrency), _count_useful(work, jobs, point)), 1.0)
    few = range(1, min(concurrency, _FEW) + 1)
    return min(_time_with(places, work, jobs, point) for places in (useful, *few))


def _time_with(places: float, work: float, jobs: Sequence[JobTime], point: _Point) -> float:
    waits = (
        find_last_wait(each.wait, min(places, each.number), point.z)
        + _ramp_cost(each, point) * _count_rounds(min(places, each.number))
        for each in jobs
    )
    return work / places + max(waits)


def _time_answers(work: float, jobs: Sequence[JobTime], point: _Point) -> float:
    """Return the time of the longest answer, which no concurrency makes shorter."""
    places = _count_useful(work, jobs, point)
    return max(
        time_longest(each, each.number, point.z)
        + _ramp_cost(each, point) * _count_rounds(min(places, each.number))
        for each in jobs
    )


def _count_useful(work: float, jobs: Sequence[JobTime], point: _Point) -> float:
    """Return how many places make all calls soonest done.

    More make slow start, and the wait for the last answers, longer than the rest shorter: that is
    where W / c + A ln c is least, with the time A that a place more costs times c.
    """
    cost = max(each.wait + _ramp_cost(each, point) / math.log(_GROWTH) for each in jobs)
    return work / cost if cost > 0 else math.inf


def _list_places(  # noqa: PLR0913 - both bounds, with what tells them apart
    slots: Sequence[float],
    answers: Sequence[float],
    jobs: Sequence[JobTime],
    work: float,
    concurrency: int,
    point: _Point,
) -> list[Bound]:
    """Return what the concurrency and the answers' own time make of it, as far as they bound."""
    slowest = max(jobs, key=lambda each: each.seconds)
    if concurrency < _count_useful(work, jobs, point):
        return [
            Bound("concurrency", "", concurrency, *slots),
            Bound("answer_time", slowest.model, None, *answers),
        ]
    longer = (max(pair) for pair in zip(slots, answers, strict=True))
    return [Bound("answer_time", slowest.model, None, *longer)]


def _ramp_cost(job: JobTime, point: _Point) -> float:
    return job.seconds * point.ramp


def _count_rounds(places: float) -> float:
    """Return how many rounds' time is lost until so many calls are in flight."""
    if places <= 1:
        return 0.0
    return math.log(places, _GROWTH) - (1 - 1 / places) / (_GROWTH - 1)


def _list_limits(
    loads: Sequence[CallLoad],
    limits: Mapping[str, AccountLimits],
    jobs: Sequence[Sequence[JobTime]],
) -> list[Bound]:
    """Return what the known limits make of it; the last answer comes after the last request."""
    last = [min(each.seconds for each in own) for own in jobs]
    found = []
    for model in dict.fromkeys(each.model for each in loads):
        own = [each for each in loads if each.model == model]
        for unit, limit in limits.get(model, NO_LIMITS).list_known():
            low, likely, high = (
                sum(each.count_against(unit, getattr(each.output, name)) for each in own) / limit
                for name in ("low", "likely", "high")
            )
            found.append(
                Bound(
                    f"{unit}_per_minute",
                    model,
                    limit,
                    _MINUTE * max(low - 1, 0.0) + last[0],
                    _MINUTE * (likely - min(likely, 1.0) / 2) + last[1],
                    _MINUTE * (high + min(high, 1.0)) + last[2],
                )
            )
    return found
