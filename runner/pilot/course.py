"""The course of a pilot: which jobs come next, and when there are enough.

A pilot asks the same number of queries of each model and condition, a block after the other. After
each block from five queries on it looks at what the answers cost. It ends where the range is narrow
enough, where it has asked as many as it may, or where the cap does not cover another query of each.
Stopping by looks costs a 90 % range little of its coverage from five queries on (86 to 93 % held,
see `benchmarks/calibration.py --parts stop`), so nothing corrects for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pricing.money import Money
from runner.execution import NO_CELLS, Cells, StopReason, describe_shortage
from runner.pilot.draw import PilotDraw
from runner.pilot.look import Look

LEAST_QUERIES = 5  # of each stratum, before the first look
_BLOCK = 5  # queries of each stratum between two looks, where the cap covers them


@dataclass(frozen=True, slots=True)
class PilotGoal:
    """When a pilot has seen enough.

    Attributes:
        width: half of the 90 % range of what is left of the output's cost, relative to its median.
        most: queries of each model and condition, at most.
    """

    width: float = 0.3
    most: int = 25


@dataclass(slots=True)
class PilotCourse:
    """A pilot that goes on; `next_block` is called when nothing is in flight.

    Attributes:
        draw: the queries of each model and condition, in the order in which they are asked.
        goal: when there are enough.
        price_jobs: place -> the most that what is left of its job may cost; None where it is done.
        find_free: returns what is free of the cap.
        look: returns what the answers of the first so many queries of each say.
        on_look: is called with each look.
        asked: how many queries of each were begun.
        looks: so far, one after each block.
        end: how it ended; None while it goes on.
        reason: why.
    """

    draw: PilotDraw
    goal: PilotGoal
    price_job: Callable[[int], Money | None]
    find_free: Callable[[], Money]
    look: Callable[[int], Look]
    on_look: Callable[[Look], None] = lambda _: None
    asked: int = 0
    looks: list[Look] = field(default_factory=list)
    end: StopReason | None = None
    reason: str = ""

    @property
    def most(self) -> int:
        """How many queries of each it may ask."""
        return min(self.goal.most, self.draw.query_count)

    def next_block(self) -> Sequence[int]:
        """Return the places of the jobs of the next block; none where the pilot has ended."""
        if self.asked >= min(LEAST_QUERIES, self.most) and self._take_look():
            return self._stop(StopReason.PILOT, f"the range is narrow enough after {self._say()}")
        if self.asked >= self.most:
            return self._stop(StopReason.PILOT, f"it has asked {self._say()}, the most it may")
        last = self._find_last_covered()
        if last == self.asked:
            return self._stop_at_cap()
        first, self.asked = self.asked, last
        return self.draw.list_places(first, last)

    def find_ended_cells(self) -> Cells:
        """Return no cells: each is asked as many queries as the others."""
        return NO_CELLS

    def describe_end(self) -> tuple[StopReason, str]:
        """Return how its execution ended, and why: complete, where nothing of the plan is left."""
        if self._is_all_done():
            return StopReason.COMPLETE, ""
        return self.end or StopReason.STOPPED, self.reason

    def _is_all_done(self) -> bool:
        """Return whether all that it has not asked was done before it began."""
        asked = set(self.draw.list_places(0, self.asked))
        places = (place for place in range(self.draw.job_count) if place not in asked)
        return all(self.price_job(place) is None for place in places)

    def _take_look(self) -> bool:
        """Look; return whether the range is narrow enough."""
        found = self.look(self.asked)
        self.looks.append(found)
        self.on_look(found)
        return found.is_within(self.goal.width)

    def _find_last_covered(self) -> int:
        """Return up to which query of each the next block goes, as far as the cap covers it."""
        end = min(self.asked + _BLOCK, self.most)
        free = self.find_free()
        for number in range(self.asked, end):
            price = self._price(number)
            free -= price
            if price and free < Money():  # what is answered costs nothing, whatever is free
                return number
        return end

    def _price(self, number: int) -> Money:
        """Return the most that the number-th query of each may cost."""
        jobs = self.draw.list_places(number, number + 1)
        return sum((self.price_job(place) or Money() for place in jobs), Money())

    def _stop_at_cap(self) -> Sequence[int]:
        if self.asked and not self.looks:  # there were too few queries for one so far
            self._take_look()
        free = max(self.find_free(), Money())  # less than nothing where the cap was lowered
        shortage = describe_shortage(self._price(self.asked), free)
        return self._stop(StopReason.CAP, f"the next query of each stratum {shortage}")

    def _stop(self, end: StopReason, reason: str) -> Sequence[int]:
        self.end, self.reason = end, reason
        return ()

    def _say(self) -> str:
        return f"{self.asked} quer{'y' if self.asked == 1 else 'ies'} of each stratum"
