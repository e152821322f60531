"""Processes that run one plan together, on one cap, in a PostgreSQL ledger.

    site = prepare(folder, server, postgres.database(), queries=20, share=0.5)
    ends = [worker.end() for worker in site.start(4)]

They are forked from a process that imported everything once, so eight of them start in a moment.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import MappingProxyType

from estimator.plan import plan_file as plans
from estimator.plan.planner import estimate_experiment
from pricing.money import Money
from runner.approval.approval import Approval
from runner.approval.approval_file import save_approval
from runner.launch.run_options import RunOptions
from runner.launch.run_plan import execute_plan
from runner.ledger import postgres
from runner.results.report import Report, build_report
from runner.run_folder import open_run_folder
from tests.runner import sample_experiment as lab
from tests.runner.sample_experiment import NOW
from tests.support.forks import FORKS
from tests.support.provider.server import ProviderHandle

PATIENCE = 60.0  # seconds, after which a process is taken to be stuck


@dataclass(frozen=True)
class End:
    """How a worker's execution ended; `end` is empty where it raised `reason`."""

    answered: int
    end: str
    reason: str


@dataclass(frozen=True)
class Worker:
    """A process, and where it tells how it ended."""

    process: ForkServerProcess
    told: Connection

    def end(self) -> End:
        """Wait until it ends."""
        assert self.told.poll(PATIENCE), "it is stuck"
        end: End = self.told.recv()
        self.process.join()
        return end

    def kill(self) -> None:
        """Kill it, as `kill -9` does."""
        self.signal(signal.SIGKILL)
        self.process.join()

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)


@dataclass(frozen=True)
class Site:
    """An approved plan, its run folder, and its ledger's address."""

    plan: Path
    folder: Path
    ledger: str | None
    cap: Money
    server: ProviderHandle

    def start(
        self,
        number: int,
        *,
        concurrency: int = 4,
        lease: float = 60.0,
        patience: Mapping[str, float] = MappingProxyType({}),
    ) -> list[Worker]:
        """Start workers; `patience` replaces constants of `runner.ledger.postgres`."""
        return [self._start(concurrency, lease, dict(patience)) for _ in range(number)]

    def _start(self, concurrency: int, lease: float, patience: dict[str, float]) -> Worker:
        mine, theirs = FORKS.Pipe(duplex=False)
        arguments = (
            str(self.plan), str(self.folder), self.ledger, concurrency, lease, patience, theirs
        )  # fmt: skip
        process = FORKS.Process(target=_work, args=arguments, daemon=True)
        process.start()
        theirs.close()
        return Worker(process, mine)

    def billed(self) -> Money:
        """Return what the provider charged."""
        bill = self.server.bill()
        return Money(bill.input_tokens * 400_000 + bill.output_tokens * 800_000)

    def report(self) -> Report:
        """Read the ledger."""
        return build_report(open_run_folder(self.folder))


def prepare(
    folder: Path,
    server: ProviderHandle,
    ledger: str | None,
    *,
    queries: int = 3,
    share: float = 1.0,
    joint_votes: int = 0,
    **behaviour: object,
) -> Site:
    """Plan and approve an experiment of four conditions with a judge, at an honest provider.

    Args:
        folder: an empty one.
        server: the provider; it bills what is counted here.
        ledger: the address of a database.
        queries: of each condition.
        share: of the plan's ceiling that is approved.
        joint_votes: of the judge, asked for in one request; 0 for one vote.
        behaviour: of the provider, beside that.
    """
    url = f"{server.url}/v1"
    several = {"kind": "openai", "base_url": url, "capabilities": {"choices": joint_votes}}
    changes = {"votes": joint_votes, "providers": {"my-lab": several}} if joint_votes else {}
    source = lab.write(folder / "e", queries=queries, base_url=url, **changes)
    path = folder / "plan.json"
    plan = estimate_experiment(str(source), lab.DAY).plan
    plans.save_plan(plan, path)
    cap = Money(int(plan.total.ceiling.pico * share))
    save_approval(Approval(plan.digest, cap, "ada", NOW), path)
    server.reset(lab.honest(path, **behaviour))
    return Site(path, folder / "run", ledger, cap, server)


def _work(
    plan: str,
    folder: str,
    ledger: str,
    concurrency: int,
    lease: float,
    patience: dict[str, float],
    told: Connection,
) -> None:
    try:
        for name, seconds in patience.items():
            setattr(postgres, name, seconds)
        options = RunOptions(
            folder=Path(folder), concurrency=concurrency, ledger_url=ledger, lease_seconds=lease
        )
        _, progress = execute_plan(Path(plan), NOW + timedelta(minutes=1), options)
        told.send(End(progress.answered, str(progress.end), progress.reason))
    except Exception as error:  # noqa: BLE001 - told to whoever waits
        told.send(End(0, "", f"{type(error).__name__}: {error}"))
