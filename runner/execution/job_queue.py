"""The job queue: which job comes next, and which of its requests are already answered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Protocol

from experiment.prompts import Request, RequestBuilder
from experiment.scoring import Completion

LEASE_SECONDS = 60.0  # seconds without a report, after which a process is taken for dead


@dataclass(frozen=True, slots=True)
class Job:
    """A subject request with its judges.

    Attributes:
        place: in the order of work.
        subject: the request.
        answered: id -> answer, of its requests that other workers got answered meanwhile.
        attempts: id -> the number of the last attempt, of those that other workers sent.
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

    async def take(self, limit: int) -> list[Job] | None:
        """Take the next jobs.

        Returns:
            an empty list where all are done; None where other workers have the last ones and may
            give some back.
        """
        ...

    async def finish(self, jobs: Sequence[Job], outcome: JobOutcome) -> None:
        """Record the outcome of jobs."""
        ...

    async def count_failed(self) -> int:
        """Return how many jobs other processes gave up in this execution."""
        ...

    async def send_heartbeats(self) -> None:
        """Renew this process's lease until cancelled."""
        ...


class LocalJobQueue:
    """All jobs of a plan, for a single process.

    Args:
        requests: builds the jobs.
        seed: of the order of work.
    """

    def __init__(self, requests: RequestBuilder, seed: str) -> None:
        self._returned: list[Job] = []  # in the order of work
        self._remaining: Iterator[Job] = (
            Job(place, subject) for place, subject in enumerate(requests.in_work_order(seed))
        )

    async def take(self, limit: int) -> list[Job] | None:
        """Take the next jobs."""
        jobs, self._returned = self._returned[:limit], self._returned[limit:]
        return [*jobs, *islice(self._remaining, limit - len(jobs))]

    async def finish(self, jobs: Sequence[Job], outcome: JobOutcome) -> None:
        """Put waiting jobs back at the front; the ledger knows about all others."""
        if outcome is JobOutcome.WAITING:
            self._returned = [*jobs, *self._returned]

    async def count_failed(self) -> int:
        """Return 0, because there are no other processes."""
        return 0

    async def send_heartbeats(self) -> None:
        """Do nothing: no other process needs to know."""
