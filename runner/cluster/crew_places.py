"""Crew places: workers are started in them, and replaced where they die.

A worker that is known to be dead is buried by its name at once: what it was sending is held, its
money is free, its jobs wait again.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, replace

from runner.cluster.life import Crew, Life, LifeEnd
from runner.errors import CannotSend, LedgerError
from runner.execution import SharedJobQueue, StopReason

_MOST_DEATHS = 5  # of one worker in a row, each soon after its start
_SOON = 60.0  # seconds
_LONGEST_DELAY = 30.0  # seconds before a worker that died again and again is started again
_GRACE = 30.0  # seconds that workers have to hold what is in flight, before they are killed
_MOST_FAILURES = 1_000  # that are kept to be shown


@dataclass(slots=True)
class _Place:
    """A worker's place: who is in it now, and how often one died there in a row."""

    name: str = ""
    life: Life | None = None
    began: float = 0.0
    due: float = 0.0
    deaths: int = 0
    end: LifeEnd | None = None  # nothing is started here any more


class CrewPlaces:
    """The places of a crew, each with a worker until the work ends there.

    Args:
        crew: starts workers.
        handover: what each of them is given.
        queue: of their jobs.
        number: of places.

    Attributes:
        asked: how often the workers were asked to end.
        restarts: how many workers followed one whose work had not ended.
        failed: requests that workers gave up, each with the reason.
        cap_held: as of `Progress`.
    """

    def __init__(self, crew: Crew, handover: str, queue: SharedJobQueue, number: int) -> None:
        self.asked = self.restarts = 0
        self.failed: list[str] = []
        self.cap_held = False
        self._crew, self._handover, self._queue = crew, handover, queue
        self._places = [_Place() for _ in range(number)]
        self._kill_at = 0.0

    def __len__(self) -> int:
        return len(self._places)

    @property
    def living(self) -> int:
        """How many workers live."""
        return sum(place.life is not None for place in self._places)

    @property
    def are_done(self) -> bool:
        """Whether nothing is started in any of them any more."""
        return all(place.end is not None for place in self._places)

    @property
    def ends(self) -> list[LifeEnd]:
        """How the work ended in each place where it did."""
        return [place.end for place in self._places if place.end is not None]

    def ask_to_end(self, times: int) -> None:
        """Start no more workers; where they are asked for the second time, kill them later."""
        self.asked = max(self.asked, times)
        if self.asked > 1:
            self._kill_at = self._kill_at or time.monotonic() + _GRACE

    async def tend(self) -> None:
        """Start workers where they are due, and take what they tell at their ends."""
        for place in self._places:
            if place.end is None:
                await self._tend(place)

    def kill_all(self) -> None:
        """Kill the workers that live."""
        for place in self._places:
            if place.life is not None:
                place.life.kill()
                with suppress(LedgerError):
                    self._queue.bury(place.name)

    async def _tend(self, place: _Place) -> None:
        if place.life is None:
            if self.asked:
                place.end = LifeEnd(StopReason.INTERRUPTED)
            elif time.monotonic() >= place.due:
                await self._start(place)
            return
        if self.asked > 1 and time.monotonic() > self._kill_at:
            await asyncio.to_thread(place.life.kill)
        if (end := await asyncio.to_thread(place.life.poll)) is not None:
            await self._bury(place, end)

    async def _start(self, place: _Place) -> None:
        place.name, place.began = secrets.token_hex(8), time.monotonic()
        try:
            place.life = await asyncio.to_thread(self._crew.start, self._handover, place.name)
        except CannotSend as error:
            place.end = LifeEnd("", str(error))

    async def _bury(self, place: _Place, end: LifeEnd) -> None:
        """End a worker in the ledger as well; have another go on where its work was not ended."""
        with suppress(LedgerError):  # its lease expires
            await asyncio.to_thread(self._queue.bury, place.name)
        self.failed += end.failed[: _MOST_FAILURES - len(self.failed)]
        self.cap_held = self.cap_held or end.cap_held
        place.life = None
        left_early = end.is_final and end.stop_reason is StopReason.INTERRUPTED
        if end.is_final and (self.asked or not left_early):
            place.end = end
        else:
            self._plan_restart(place, end)

    def _plan_restart(self, place: _Place, end: LifeEnd) -> None:
        """Say when the next worker is due; none where too many died here."""
        lasted = time.monotonic() - place.began
        place.deaths = 1 if lasted > _SOON else place.deaths + 1
        if place.deaths > _MOST_DEATHS:
            place.end = replace(end, end="")
            return
        place.due = time.monotonic() + min(2.0 ** (place.deaths - 1) - 1, _LONGEST_DELAY)
        self.restarts += 1
