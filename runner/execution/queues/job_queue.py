"""The job queue: which job comes next, and which of its requests are already answered."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from experiment.prompts import Request, RequestBuilder
from experiment.scoring import Completion
from runner.execution.queues.earlier_answers import AttemptSource, read_histories
from runner.execution.queues.stop_reason import StopReason

# Numbers of cells, see `RequestBuilder.cells`; a place in the order of work belongs to one.
Cells = frozenset[int]
NO_CELLS: Cells = frozenset()
LEASE_SECONDS = 60.0  # seconds without a report, after which a process is taken for dead


@dataclass(frozen=True, slots=True)
class Job:
    """A subject request with its judges.

    Attributes:
        place: in the order of work.
        subject: the request.
        answered: id -> answer, of its requests that were answered before it was taken.
        attempts: id -> the number of the last attempt, of those that were sent before.
    """

    place: int
    subject: Request
    answered: dict[str, Completion] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)


class JobOutcome(StrEnum):
    """The outcome of a job that was taken."""

    DONE = "done"
    FAILED = "failed"  # it is not tried again in this execution
    WAITING = "waiting"  # it was returned to the queue


class JobQueue(Protocol):
    """A source of jobs, in the order of work."""

    @property
    def worker_count(self) -> int:
        """How many workers take jobs from it, as far as is known: they share rate limits."""
        ...

    async def take(
        self, limit: int, resting: Cells = NO_CELLS, stopped: Cells = NO_CELLS
    ) -> list[Job] | None:
        """Take the next jobs.

        Args:
            limit: of their number.
            resting: cells whose jobs are left for later.
            stopped: cells whose jobs are left alone in this execution.

        Returns:
            an empty list where all others are done; None where there will be more: of resting
            cells, or what other workers have and may give back.
        """
        ...

    def narrow(self, places: Collection[int]) -> None:
        """Give only the jobs at these places from now on; none that was taken may be open."""
        ...

    async def finish(self, jobs: Sequence[Job], outcome: JobOutcome) -> None:
        """Record the outcome of jobs."""
        ...

    async def count_failed(self) -> int:
        """Return how many jobs other processes gave up in this execution."""
        ...

    def describe_end(self) -> tuple[StopReason, str]:
        """Return how an execution ended that did all of these jobs, and what there is to say."""
        ...

    async def send_heartbeats(self) -> None:
        """Renew this process's lease until cancelled."""
        ...


class LocalJobQueue:
    """All jobs of a plan, for a single process.

    Args:
        requests: builds the jobs.
        seed: of the order of work.
        earlier: what the jobs have had, as it is written when they are taken; None for nothing.
        done: by place, what is not 0 where a job is done; empty where that is not known.
    """

    def __init__(
        self,
        requests: RequestBuilder,
        seed: str,
        earlier: AttemptSource | None = None,
        done: Sequence[int] = b"",
    ) -> None:
        self._requests = requests
        self._seed = seed
        self._earlier, self._done = earlier, done
        self._places: Sequence[int] = range(requests.subject_count)
        self._next = 0  # index of the first place that was never looked at
        self._left: dict[int, list[int]] = defaultdict(list)  # cell -> heap of earlier places

    async def take(
        self, limit: int, resting: Cells = NO_CELLS, stopped: Cells = NO_CELLS
    ) -> list[Job] | None:
        """Take the next jobs, with what they have had before."""
        places: list[int] = []
        without = resting | stopped
        while len(places) < limit and (place := self._next_place(without)) is not None:
            places.append(place)
        rests = not places and not resting.isdisjoint(self._left)
        return None if rests else self._build_jobs(places)

    def _build_jobs(self, places: Sequence[int]) -> list[Job]:
        subjects = [self._requests.request_at(self._seed, place) for place in places]
        if self._earlier is None or not subjects:
            return list(map(Job, places, subjects))
        had = read_histories(self._earlier, self._requests, [each.id for each in subjects])
        return [
            Job(place, each, had[each.id].answered, had[each.id].attempts)
            for place, each in zip(places, subjects, strict=True)
        ]

    def _next_place(self, without: Cells) -> int | None:
        """Return the first place of the other cells, and leave those of these cells for later."""
        if first := min((self._left[cell] for cell in self._left.keys() - without), default=None):
            place = heapq.heappop(first)
            if not first:
                del self._left[self._cell_of(place)]
            return place
        while self._next < len(self._places):
            place, self._next = self._places[self._next], self._next + 1
            if self._done and self._done[place]:
                continue
            if (cell := self._cell_of(place)) not in without:
                return place
            heapq.heappush(self._left[cell], place)
        return None

    def _cell_of(self, place: int) -> int:
        return place % len(self._requests.cells)

    def narrow(self, places: Collection[int]) -> None:
        """Give only the jobs at these places from now on."""
        self._places, self._next = sorted(places), 0
        self._left.clear()

    async def finish(self, jobs: Sequence[Job], outcome: JobOutcome) -> None:
        """Put waiting jobs back at their places; the ledger knows about all others."""
        if outcome is JobOutcome.WAITING:
            for job in jobs:
                heapq.heappush(self._left[self._cell_of(job.place)], job.place)

    @property
    def worker_count(self) -> int:
        """1: this process."""
        return 1

    async def count_failed(self) -> int:
        """Return 0, because there are no other processes."""
        return 0

    def describe_end(self) -> tuple[StopReason, str]:
        """Return that all of the plan is done."""
        return StopReason.COMPLETE, ""

    async def send_heartbeats(self) -> None:
        """Do nothing: no other process needs to know."""
