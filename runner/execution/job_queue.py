"""The queue of work: which job comes next, and what is already answered of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Protocol

from experiment.prompts.request import Request
from experiment.prompts.request_builder import Requests

LEASE = 60.0  # seconds without a report, after which a process is taken for dead


@dataclass(frozen=True, slots=True)
class Job:
    """A subject request with its judges.

    Attributes:
        place: in the order of work.
        subject: the request.
        answered: id -> text, of its requests that others were answered meanwhile.
        attempts: id -> the number of the last attempt, where others made some.
    """

    place: int
    subject: Request
    answered: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)


class Fate(StrEnum):
    """What became of a job that was taken."""

    DONE = "done"
    FAILED = "failed"  # it is not tried again in this execution
    WAITING = "waiting"  # it was given back


class Queue(Protocol):
    """Where jobs are taken from, in the order of work."""

    async def take(self, most: int) -> list[Job] | None:
        """Take the next jobs.

        Returns:
            none where all is done; None where others are at the last ones and may give some back.
        """
        ...

    async def put(self, jobs: Sequence[Job], fate: Fate) -> None:
        """Say what became of jobs."""
        ...

    async def failed(self) -> int:
        """Say how many jobs other processes gave up in this execution."""
        ...

    async def report(self) -> None:
        """Tell others that this process lives, until cancelled."""
        ...


class OwnQueue:
    """All jobs of a plan, for one process alone.

    Args:
        requests: builds them.
        seed: of the order of work.
    """

    def __init__(self, requests: Requests, seed: str) -> None:
        self._back: list[Job] = []  # given back, in the order of work
        self._rest: Iterator[Job] = (
            Job(place, subject) for place, subject in enumerate(requests.interleaved(seed))
        )

    async def take(self, most: int) -> list[Job] | None:
        """Take the next jobs."""
        jobs, self._back = self._back[:most], self._back[most:]
        return [*jobs, *islice(self._rest, most - len(jobs))]

    async def put(self, jobs: Sequence[Job], fate: Fate) -> None:
        """Let those that wait come next; of all others the ledger knows."""
        if fate is Fate.WAITING:
            self._back = [*jobs, *self._back]

    async def failed(self) -> int:
        """Say that there are no others."""
        return 0

    async def report(self) -> None:
        """Tell nobody."""
