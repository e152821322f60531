"""A queue of blocks: the jobs of one block, all to their end, and then those of the next.

Short answers are finished first. Whatever looks at a pilot's answers must therefore wait for every
call that was sent: the next block is asked for when nothing is in flight.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from runner.execution import Cells, Job, JobOutcome, JobQueue, StopReason


class BlockQueue:
    """The jobs of a plan, block by block.

    Args:
        queue: of all jobs.
        next_block: returns the places of the next block; none where the pilot has ended. It is
            called when each job of the block before is finished, and nothing is in flight.
        describe_end: returns how the pilot ended, and why.
    """

    def __init__(
        self,
        queue: JobQueue,
        next_block: Callable[[], Collection[int]],
        describe_end: Callable[[], tuple[StopReason, str]],
    ) -> None:
        self._queue = queue
        self._next_block = next_block
        self._open: set[int] = set()  # places of jobs that are taken, and not finished
        self._has_ended = False
        self.describe_end = describe_end
        queue.narrow(())

    async def take(
        self, limit: int, resting: Cells = frozenset(), stopped: Cells = frozenset()
    ) -> list[Job] | None:
        """Take the next jobs of this block or, where all of them are finished, of the next."""
        while True:
            jobs = await self._queue.take(limit, resting, stopped)
            if jobs:
                self._open.update(job.place for job in jobs)
                return jobs
            if jobs is None or self._open:
                return None
            # Where a model is asked nothing more, the next block would not be of all of them.
            if self._has_ended or stopped:
                return []
            places = self._next_block()
            self._has_ended = not places
            self._queue.narrow(places)

    def narrow(self, places: Collection[int]) -> None:
        """Give only the jobs at these places from now on."""
        self._queue.narrow(places)

    async def finish(self, jobs: Sequence[Job], outcome: JobOutcome) -> None:
        """Record the outcome of jobs."""
        await self._queue.finish(jobs, outcome)
        self._open.difference_update(job.place for job in jobs)

    async def count_failed(self) -> int:
        """Return how many jobs other processes gave up in this execution."""
        return await self._queue.count_failed()

    async def send_heartbeats(self) -> None:
        """Renew this process's lease until cancelled."""
        await self._queue.send_heartbeats()
