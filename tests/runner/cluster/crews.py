"""Crews for tests: workers as threads, and workers that die."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from runner.cluster import CrewOptions, execute_with_crew
from runner.cluster.handover import Handover
from runner.cluster.joined_worker import work_as_told
from runner.cluster.life import LifeEnd
from runner.execution import Progress
from runner.launch import RunOptions
from tests.runner.sample_experiment import NOW
from tests.runner.workers import Site

CALLS = 2 * 4  # an answer and its judge, of each condition


class ThreadLife:
    """A worker in a thread of this process."""

    def __init__(self, handover: str, worker: str) -> None:
        self._ends: list[LifeEnd] = []
        self._thread = threading.Thread(target=self._work, args=(handover, worker), daemon=True)
        self._thread.start()

    def _work(self, handover: str, worker: str) -> None:
        self._ends.append(work_as_told(Handover.from_text(handover), worker))

    def poll(self) -> LifeEnd | None:
        return None if self._thread.is_alive() else self._ends[0]

    def kill(self) -> None:
        raise AssertionError("no worker had to be killed")


class DeadLife:
    def poll(self) -> LifeEnd | None:
        return LifeEnd("", "it was killed by signal 9")

    def kill(self) -> None:
        """Do nothing: it is dead."""


@dataclass
class ThreadCrew:
    """Starts threads, and keeps what they were given; those before `dead` die at once."""

    dead: int = 0
    shares_secrets: bool = True
    given: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def start(self, handover: str, worker: str) -> ThreadLife | DeadLife:
        self.given.append(handover)
        self.names.append(worker)
        return DeadLife() if len(self.names) <= self.dead else ThreadLife(handover, worker)

    def close(self) -> None:
        """Do nothing."""


def run(site: Site, workers: int, **options: object) -> Progress:
    """Run a plan with a crew."""
    chosen = RunOptions(
        **{"folder": Path(site.folder), "ledger_url": site.ledger, "concurrency": 4} | options
    )
    return execute_with_crew(site.plan, NOW, chosen, CrewOptions(workers))[1]
