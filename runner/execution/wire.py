"""The wire: the places of all models for requests in flight, and who may wait for one.

A request waits three times, each time in its model's line:

    near     before its rate limits are looked at
    ready    before its money is reserved
    inside   with its money reserved, for a place on the wire

Reserving takes as long as the disk does, so some do it ahead, and hardly a place stays empty
meanwhile. Ahead of the free places are at most a quarter as many as may be in flight, of each model
and of all together: this much more is held by a crash than was sent. With 200 in flight at 200 ms
and a commit each 10 ms, a run reached 0.87 of the rate of a loop without a ledger with an eighth
ahead, and 0.93 with a quarter (`benchmarks/throughput.py --in-flight 200`, two cores).

What waits for a place that it must not have any more is called off (`recall`): its money would stay
reserved as long as the answers take that it waits for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import NamedTuple

from runner.execution.slow_start import SlowStart

_AHEAD = 4  # one ahead for so many that may be in flight


class Stage(IntEnum):
    """How far a request has come."""

    AWAY = 0
    NEAR = 1
    READY = 2
    INSIDE = 3


class Wire:
    """The places of all models.

    Args:
        slow_starts: written name of a model -> how many of its requests may be in flight.
        concurrency: requests in flight, at most.
    """

    def __init__(self, slow_starts: Mapping[str, SlowStart], concurrency: int) -> None:
        self._concurrency = concurrency
        self._lanes = {name: _Lane(start) for name, start in slow_starts.items()}
        self._counts = [0] * len(Stage)  # of all lanes, by stage
        self._arrivals = 0

    def add_lane(self, model: str, slow_start: SlowStart) -> None:
        """Give a model places."""
        self._lanes[model] = _Lane(slow_start)

    def open_place(self, model: str) -> Place:
        """Return a place that a request of a model wants; it must be closed."""
        return Place(self, self._lanes[model])

    def count_inside(self, model: str) -> int:
        """Return how many requests of a model are in flight."""
        return self._lanes[model].counts[Stage.INSIDE]

    def look(self) -> None:
        """Let all go on who may, those first that are nearest and have waited longest."""
        for stage in (Stage.INSIDE, Stage.READY, Stage.NEAR):
            while lanes := [each for each in self._lanes.values() if self._may_go(each, stage)]:
                first = min(lanes, key=partial(_Lane.first_arrival, stage=stage))
                self._let_go(first, stage)

    def recall(self) -> None:
        """Call those off that wait with their money reserved, and are not wanted any more."""
        for lane in self._lanes.values():
            for waiter in lane.lines[Stage.INSIDE]:
                if not waiter.told.done() and not waiter.is_wanted():
                    waiter.told.set_result(False)

    def go_on(
        self, place: Place, stage: Stage, is_wanted: Callable[[], bool]
    ) -> asyncio.Future[bool] | None:
        """Let a request go on, or return what it has to wait for: whether it may."""
        if self._has_room(place.lane, stage) and not place.lane.is_waited_for(stage):
            self._count(place, stage)
            return None
        self._arrivals += 1
        told = asyncio.get_running_loop().create_future()
        place.lane.lines[stage].append(_Waiter(place, self._arrivals, is_wanted, told))
        return told

    def close(self, place: Place) -> None:
        """Take back what a request has of the wire."""
        self._count(place, Stage.AWAY)
        self.look()

    def _may_go(self, lane: _Lane, stage: Stage) -> bool:
        return lane.is_waited_for(stage) and self._has_room(lane, stage)

    def _has_room(self, lane: _Lane, stage: Stage) -> bool:
        """Return whether one more request may come so far."""
        counts, size = lane.counts, lane.slow_start.size
        if stage is Stage.INSIDE:
            is_full = self._counts[Stage.INSIDE] >= self._concurrency
            return counts[Stage.INSIDE] < size and not is_full
        if stage is Stage.READY:
            return _may_prepare(counts, size) and _may_prepare(self._counts, self._concurrency)
        near, ready, inside = counts[Stage.NEAR :]
        return near + ready + inside < size + size // _AHEAD

    def _let_go(self, lane: _Lane, stage: Stage) -> None:
        waiter = lane.lines[stage].popleft()
        self._count(waiter.place, stage)
        waiter.told.set_result(True)

    def _count(self, place: Place, stage: Stage) -> None:
        of_all, of_model, before = self._counts, place.lane.counts, place.stage
        of_all[before] -= 1
        of_model[before] -= 1
        of_all[stage] += 1
        of_model[stage] += 1
        place.stage = stage


@dataclass(eq=False, slots=True)
class Place:
    """What one request has of the wire."""

    _wire: Wire
    lane: _Lane
    stage: Stage = Stage.AWAY

    async def reach(self, stage: Stage, is_wanted: Callable[[], bool] = lambda: True) -> bool:
        """Wait until the next stage is reached.

        Args:
            stage: the next one.
            is_wanted: whether it is still to be reached; asked now, and whenever those are recalled
                that have their money reserved.

        Returns:
            False where it is not wanted any more.
        """
        if not is_wanted():
            return False
        told = self._wire.go_on(self, stage, is_wanted)
        return told is None or await told

    def close(self) -> None:
        """Give back whatever was reached."""
        self._wire.close(self)


class _Waiter(NamedTuple):
    place: Place
    arrival: int
    is_wanted: Callable[[], bool]
    told: asyncio.Future[bool]  # done, where it is still in its line, if it was called off


@dataclass(eq=False, slots=True)
class _Lane:
    """A model's places and lines."""

    slow_start: SlowStart
    counts: list[int] = field(default_factory=lambda: [0] * len(Stage))
    lines: list[deque[_Waiter]] = field(default_factory=lambda: [deque() for _ in Stage])

    def first_arrival(self, stage: Stage) -> int:
        """Return the number of the first that waits for a stage; one must."""
        return self.lines[stage][0].arrival

    def is_waited_for(self, stage: Stage) -> bool:
        """Return whether a task waits; those that were called off leave their line."""
        line = self.lines[stage]
        while line and line[0].told.done():
            line.popleft()
        return bool(line)


def _may_prepare(counts: list[int], size: int) -> bool:
    """Return whether one more may reserve: for a place that is free, or ahead."""
    free = max(size - counts[Stage.INSIDE], 0)
    return counts[Stage.READY] < free + size // _AHEAD
