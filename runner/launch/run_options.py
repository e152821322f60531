"""Run options: what the user may choose of a run, beside its plan and its cap."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from estimator.plan import Plan
from estimator.workload import PlannedModel
from experiment.prompts import RequestBuilder
from providers.provider import Provider
from runner.control import Notes, Wishes
from runner.execution import LEASE_SECONDS, Course, JobQueue, Progress, RetryPolicy
from runner.forecasting import LiveView
from runner.ledger import Ledger
from runner.run_folder import RunFolder
from runner.transport import REQUEST_TIMEOUT


@dataclass(frozen=True, slots=True)
class OpenWork:
    """A plan's work with its ledger open, before the first job is taken.

    Attributes:
        plan: that is run.
        models: the plan's, with each reserve at the largest price until the approval ends.
        providers: every provider by name.
        run: its folder.
        requests: builds what is sent.
        ledger: open for writing.
        seed: of the order of work.
    """

    plan: Plan
    models: dict[str, PlannedModel]
    providers: dict[str, Provider]
    run: RunFolder
    requests: RequestBuilder
    ledger: Ledger
    seed: str


@dataclass(frozen=True, slots=True)
class Control:
    """What controls a run from outside its process.

    Attributes:
        notes: beside the ledger, with what is wished.
        first: what was wished before this process began; a stop of before is not for it.
    """

    notes: Notes
    first: Wishes


class ApprovalEnd(Protocol):
    """What knows until when requests may be sent; None where the approval does not expire."""

    @property
    def until(self) -> datetime | None: ...  # noqa: D102


Beside = Callable[[Callable[[], None]], Coroutine[Any, Any, None]]
# Does the jobs of a plan in other processes, which it starts, and returns how that ended.
Conduct = Callable[[OpenWork, JobQueue, "RunOptions", ApprovalEnd, Control], Progress]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Options of a run; the plan says what is sent, and the approval what may be spent.

    Attributes:
        folder: the run folder; None takes the approved plan's own.
        ledger_url: the address of a PostgreSQL ledger; None takes the one in the folder.
        concurrency: requests in flight, at most.
        timeout: seconds that one request may take; what takes longer is held.
        retry_policy: how often a request is sent again, and how long that waits.
        answered_only: send no subject request: only the judges of answers that are stored.
        batch: ask models in batches that have them at a known price; without it, those that the
            plan has in batches, or that have batches away.
        batched: models, as the experiment writes them, that are asked in batches without `batch`.
        waits: for what is away in batches; else the run ends where nothing else is left to do.
        poll: seconds between looks at batches.
        lease_seconds: seconds without a report, after which others that share the ledger take this
            process for dead.
        set_course: returns what chooses the blocks of jobs that are done; None leaves that to the
            plan.
        worker: the name under which this process writes to a shared ledger; empty to draw one.
        beside: what goes on in a worker beside its work, as long as that does: given what
            interrupts it, as Ctrl-C does; its process then leaves the forecast to the one that
            started it. None for nothing.
        conduct: has the jobs done by other processes; None does them in this one.
        on_start: is called once with the run and its open ledger.
        on_progress: is called whenever the progress changed, and every second.
        on_live: is called every few seconds with the forecast of the end, and with what is warned
            of for the first time.
    """

    folder: Path | None = None
    ledger_url: str | None = None
    concurrency: int = 10
    timeout: float = REQUEST_TIMEOUT
    retry_policy: RetryPolicy = field(default_factory=RetryPolicy)
    answered_only: bool = False
    batch: bool = False
    batched: frozenset[str] = frozenset()
    waits: bool = True
    poll: float = 60.0
    lease_seconds: float = LEASE_SECONDS
    set_course: Callable[[OpenWork], Course] | None = None
    worker: str = ""
    beside: Beside | None = None
    conduct: Conduct | None = None
    on_start: Callable[[RunFolder, Ledger], None] = lambda *_: None
    on_progress: Callable[[Progress], None] = lambda _: None
    on_live: Callable[[LiveView, list[str]], None] = lambda *_: None
