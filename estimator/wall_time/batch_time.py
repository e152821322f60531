"""Batch time: how long a provider takes for a batch, and work of which some is in batches.

A stage that is asked in batches is done when its last batch is; what reads its answers begins then.
So stages follow each other where one of them is in batches, and their times add up. The first batch
to a model is a small one, whose bill is awaited before the rest is sent: two rounds are likely.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import Any

from estimator.wall_time.account_limits import AccountLimits
from estimator.wall_time.call_load import CallLoad
from estimator.wall_time.speed import Z90, Speed
from estimator.wall_time.wall_time import Bound, WallTime, find_wall_time
from estimator.workload import find_limits_of_batches
from pricing.data_files import read_data_file

_FILE = Path(__file__).with_name("batch_times.yaml")
_HOUR = 3600.0
_ENDS = ("low", "likely", "high")
_LEAST_SPREAD = 0.05  # of the logarithm of a time
_SURELY = 1 - 1e-6


@dataclass(frozen=True, slots=True)
class BatchTime:
    """How long a provider takes for a batch, in seconds.

    Attributes:
        low, likely, high: from when it is created until its results are there; 90 % of batches.
        latest: when the provider gives up what is not done by then.
        basis: `documented`, `prior`, or `history` where batches were timed here.
        source: where the figures come from.
        rounds: how many follow each other, likely: a small first one, then the rest.
    """

    low: float
    likely: float
    high: float
    latest: float
    basis: str
    source: str
    rounds: int = 2

    def find_left(self, age: float) -> tuple[float, float, float]:
        """Return how long a batch still takes that has taken some time: low, likely, high.

        Times are taken to be lognormal, by the ends of the range.
        """
        low, likely, high = (math.log(max(getattr(self, name), 1.0)) for name in _ENDS)
        times = NormalDist(likely, max((high - low) / (2 * Z90), _LEAST_SPREAD))
        passed = times.cdf(math.log(age)) if age > 0 else 0.0
        if passed > _SURELY:  # longer than any: as long again
            return 0.0, age / 2, age
        points = (passed + share * (1 - passed) for share in (0.05, 0.5, 0.95))
        found = (max(math.exp(times.inv_cdf(each)) - age, 0.0) for each in points)
        return next(found), next(found), next(found)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON, in hours."""
        hours = {name: round(getattr(self, name) / _HOUR, 5) for name in (*_ENDS, "latest")}
        return {"hours": hours, "rounds": self.rounds, "basis": self.basis, "source": self.source}


def find_batch_time(provider: str) -> BatchTime:
    """Return how long a provider of which no batch was timed is taken to need for one."""
    row = next(each for each in _load_rows() if re.search(each["provider"], provider))
    low, likely, high = (float(each) * _HOUR for each in row["hours"])
    source = f"{row['source']}, read on {row['checked']}"
    limits = find_limits_of_batches(provider)
    latest = limits.hours * _HOUR if limits else high
    return BatchTime(low, likely, high, latest, str(row["basis"]), source)


def find_batch_times(
    loads: Iterable[CallLoad], measured: Mapping[str, BatchTime] | None = None
) -> dict[str, BatchTime]:
    """Return the time of a batch of each provider that is sent some.

    Args:
        loads: what is asked.
        measured: provider -> how long its batches took here.
    """
    providers = dict.fromkeys(each.provider for each in loads if each.in_batches)
    timed = measured or {}
    return {each: timed.get(each) or find_batch_time(each) for each in providers}


def find_work_time(
    loads: Sequence[CallLoad],
    speeds: Mapping[str, Speed],
    limits: Mapping[str, AccountLimits],
    concurrency: int,
    batches: Mapping[str, BatchTime],
) -> WallTime:
    """Return how long calls and batches take together.

    Args:
        loads: what is asked; each with some requests.
        speeds: of each model that is called.
        limits: of each model that is called, as far as they are known.
        concurrency: calls in flight, at most.
        batches: provider -> the time of a batch of it.
    """
    if not any(each.in_batches for each in loads):
        return find_wall_time(loads, speeds, limits, concurrency)
    bounds = []
    for order in sorted({each.order for each in loads}):
        now = [each for each in loads if each.order == order]
        found = [_bound_batch(each, batches[each.provider]) for each in now if each.in_batches]
        if calls := [each for each in now if not each.in_batches]:
            found += find_wall_time(calls, speeds, limits, concurrency).bounds
        longest = max(found, key=lambda each: each.likely)
        low, likely, high = (max(getattr(each, name) for each in found) for name in _ENDS)
        bounds.append(Bound(longest.kind, longest.model, longest.limit, low, likely, high))
    low, likely, high = (sum(getattr(each, name) for each in bounds) for name in _ENDS)
    bounds.sort(key=lambda each: -each.likely)
    return WallTime(low, likely, high, tuple(bounds), concurrency)


def find_latest_end(loads: Iterable[CallLoad], batches: Mapping[str, BatchTime]) -> float:
    """Return after how many seconds the last batch ends at the latest, by its provider's window."""
    windows: dict[int, float] = {}
    for each in loads:
        if each.in_batches:
            time = batches[each.provider]
            end = time.latest * count_rounds(each, time)
            windows[each.order] = max(windows.get(each.order, 0.0), end)
    return sum(windows.values())


def count_rounds(load: CallLoad, time: BatchTime) -> int:
    """Return how many rounds of batches follow each other, likely.

    Where a provider says how many tokens of a model may wait, what is more goes into later ones.
    """
    return time.rounds - 1 + _count_queues(load)


def _count_queues(load: CallLoad) -> int:
    """Return how often a stage fills what may wait at its provider."""
    limits = find_limits_of_batches(load.provider)
    if limits is None or not limits.queued_tokens:
        return 1
    return max(math.ceil(load.input_tokens / limits.queued_tokens), 1)


def _bound_batch(load: CallLoad, time: BatchTime) -> Bound:
    """Return the time of a stage in batches: without the small round at best."""
    rounds = count_rounds(load, time)
    likely, high = time.likely * rounds, time.high + time.likely * (rounds - 1)
    low = time.low * _count_queues(load)
    return Bound("batch", load.model, None, low, likely, max(high, likely))


@cache
def _load_rows() -> list[dict[str, Any]]:
    content: dict[str, list[dict[str, Any]]] = read_data_file(_FILE)
    return content["times"]
