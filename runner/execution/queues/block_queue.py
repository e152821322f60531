"""A queue of blocks: the jobs of one block, all to their end, and then those of the next.

Short answers are finished first. What looks at a run's answers must therefore wait for every call
that was sent: the next block is asked for when nothing is in flight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Protocol

from runner.execution.queues.job_queue import NO_CELLS, Cells, Job, JobOutcome, JobQueue
from runner.execution.queues.stop_reason import StopReason


class Course(Protocol):
    """What decides, by the answers of the blocks before, which block comes next."""

    def next_block(self) -> Collection[int]:
        """Return the places of the next block; none where there is no other.

        Called in another thread, when each job of the block before is finished.

        Raises:
            LedgerError: the answers cannot be read, or the decision cannot be recorded.
        """
        ...

    def find_ended_cells(self) -> Cells:
        """Return the cells whose jobs are done no more, in this block and all after it."""
        ...

    def describe_end(self) -> tuple[StopReason, str]:
        """Return how an execution ended that did all of the blocks, and what there is to say."""
        ...


class BlockQueue:
    """The jobs of a plan, block by block.

    Args:
        queue: of all jobs.
        course: chooses the blocks.
    """

    def __init__(self, queue: JobQueue, course: Course) -> None:
        self._queue = queue
        self._course = course
        self._open: set[int] = set()  # places of jobs that are taken, and not finished
        self._has_ended = False
        queue.narrow(())

    @property
    def worker_count(self) -> int:
        """How many workers take jobs from it."""
        return self._queue.worker_count

    async def take(
        self, limit: int, resting: Cells = NO_CELLS, stopped: Cells = NO_CELLS
    ) -> list[Job] | None:
        """Take the next jobs of this block or, where all of them are finished, of the next."""
        while True:
            ended = self._course.find_ended_cells()
            jobs = await self._queue.take(limit, resting - ended, stopped | ended)
            if jobs:
                self._open.update(job.place for job in jobs)
                return jobs
            if jobs is None or self._open:
                return None
            # A model that is stopped has jobs of this block left: they come with the next run.
            if self._has_ended or stopped - ended:
                return []
            places = await asyncio.to_thread(self._course.next_block)
            self._has_ended = not places
            self._queue.narrow(places)

    def narrow(self, places: Collection[int]) -> None:
        """Give only the jobs at these places from now on, up to the next block."""
        self._queue.narrow(places)

    async def finish(self, jobs: Sequence[Job], outcome: JobOutcome) -> None:
        """Record the outcome of jobs."""
        await self._queue.finish(jobs, outcome)
        self._open.difference_update(job.place for job in jobs)

    async def count_failed(self) -> int:
        """Return how many jobs other processes gave up in this execution."""
        return await self._queue.count_failed()

    def describe_end(self) -> tuple[StopReason, str]:
        """Return how the course ended, and what there is to say."""
        return self._course.describe_end()

    async def send_heartbeats(self) -> None:
        """Renew this process's lease until cancelled."""
        await self._queue.send_heartbeats()
