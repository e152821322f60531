"""The block queue: hands out the jobs of complete queries up to the next look, and then takes it.

A look is taken only when every job before it is done or given up and none is open, because answers
that come first are short ones, and differ from the others. A model whose gap is shown is asked
nothing more; where all are, the queue is empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from experiment.prompts import RequestBuilder
from runner.execution import NO_CELLS, Cells, Job, JobOutcome, LocalJobQueue
from runner.sequential.recorded_looks import RecordedLooks

# Takes the next look, records it, and returns all looks so far.
TakeLook = Callable[[RecordedLooks], RecordedLooks]


class BlockQueue:
    """All jobs of a plan with a sequential test, for a single process.

    Args:
        requests: builds the jobs, query by query.
        seed: of the order of work.
        recorded: the looks so far.
        take_look: takes the next one; called in another thread.
    """

    def __init__(
        self, requests: RequestBuilder, seed: str, recorded: RecordedLooks, take_look: TakeLook
    ) -> None:
        self.recorded = recorded
        self._requests = requests
        self._queue = LocalJobQueue(requests, seed)
        self._take_look = take_look
        self._open: set[int] = set()  # places of jobs that were taken and not given back
        self._limit_places()

    async def take(
        self, limit: int, resting: Cells = NO_CELLS, stopped: Cells = NO_CELLS
    ) -> list[Job] | None:
        """Take the next jobs; where a block is complete, take its look first."""
        while True:
            done = self._find_shown_cells()
            jobs = await self._queue.take(limit, resting - done, stopped | done)
            if jobs or jobs is None:
                self._open.update(job.place for job in jobs or ())
                return jobs
            # A model that is stopped has jobs of this block left: they come with the next run.
            if self._open or stopped - done or self.recorded.next_place is None:
                return []
            self.recorded = await asyncio.to_thread(self._take_look, self.recorded)
            self._limit_places()

    async def finish(self, jobs: Sequence[Job], outcome: JobOutcome) -> None:
        """Put waiting jobs back at their places."""
        await self._queue.finish(jobs, outcome)
        self._open.difference_update(job.place for job in jobs)

    async def count_failed(self) -> int:
        """Return 0, because there are no other processes."""
        return 0

    async def send_heartbeats(self) -> None:
        """Do nothing: no other process needs to know."""

    def _limit_places(self) -> None:
        place = self.recorded.next_place
        jobs = len(self._requests.cells) * self._requests.experiment.spec.samples
        self._queue.limit = self._requests.subject_count if place is None else place * jobs

    def _find_shown_cells(self) -> Cells:
        shown = self.recorded.shown
        return frozenset(n for n, (model, _) in enumerate(self._requests.cells) if model in shown)
