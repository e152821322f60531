"""A run: an approved plan being executed in a folder of its own, again and again until it is done.

The folder holds the plan, the experiment as it was planned, and the ledger with every answer, so a
report needs nothing else. Running a plan again continues it; what is answered is never paid again.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from estimator import plan as plans
from estimator import stale
from estimator.plan import Plan
from experiment.file import Experiment
from experiment.providers import Provider, providers
from experiment.request import Requests
from experiment.schema import Spec
from runner import approval as approvals
from runner.errors import BadRun, CannotSend
from runner.execute import End, Execution, Progress
from runner.ledger import Ledger, open_ledger
from runner.lessons import learn
from runner.send import Sender, key_of

LEDGER = "ledger.sqlite"
_PLAN, _EXPERIMENT = "plan.json", "experiment.json"


@dataclass(frozen=True, slots=True)
class Run:
    """A run folder.

    Attributes:
        folder: where it is.
        plan: what was planned.
        spec: the experiment's fields as planned.
        queries: how many queries it has.
    """

    folder: Path
    plan: Plan
    spec: Spec
    queries: tuple[str, ...]

    @property
    def ledger(self) -> Path:
        """The ledger's file."""
        return self.folder / LEDGER


def default_folder(plan: Plan) -> Path:
    """Give the folder that a plan runs in unless another one is asked for."""
    return Path("runs") / f"{plan.name}-{plan.digest[:12]}"


def open_run(folder: Path) -> Run:
    """Read a run folder.

    Raises:
        BadRun: it is not one.
    """
    path = folder / _EXPERIMENT
    if not path.exists() or not (folder / LEDGER).exists():
        raise BadRun(f"{folder}: is not a run folder; `afcost run PLAN` makes one under runs/")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        spec, queries = Spec.model_validate(data["spec"]), tuple(data["queries"])
    except (OSError, ValueError, KeyError) as error:
        raise BadRun(f"{path}: cannot be read: {error}") from error
    return Run(folder, plans.read(folder / _PLAN), spec, queries)


def execute(  # noqa: PLR0913 - what a run is made of
    plan_path: Path,
    now: datetime,
    *,
    folder: Path | None = None,
    concurrency: int = 10,
    started: Callable[[Run, Ledger], None] = lambda *_: None,
    changed: Callable[[Progress], None] = lambda _: None,
) -> tuple[Run, Progress]:
    """Run an approved plan, or continue it.

    Args:
        plan_path: the plan file; its approval stands beside it.
        now: the time by which approval and prices are judged.
        folder: the run folder; None takes the approved plan's own.
        concurrency: requests in flight, at most.
        started: is called once with the run and its open ledger.
        changed: is called whenever the progress changed, and every second.

    Raises:
        EstimatorError, RunnerError: before anything was sent.
    """
    plan = plans.read(plan_path)
    approval = approvals.require(plan, plan_path, now)
    fresh = stale.check(plan, now.date())
    known = providers(fresh.experiment.spec.providers)
    check_endpoints(plan, known)
    folder = folder or default_folder(plan)
    approvals.check_bound(plan_path, folder / LEDGER)
    run = _prepare(folder, plan, fresh.experiment)
    with open_ledger(run.ledger) as ledger:
        approvals.bind(plan_path, run.ledger)
        ledger.approve(approval)
        ledger.recover()
        started(run, ledger)
        setting = _Setting(fresh.experiment, known, approval.until, concurrency, changed)
        progress = asyncio.run(_execution(run, ledger, setting))
        ledger.note_end((progress.end or End.STOPPED).value)
    with suppress(OSError):  # what was learned helps later estimates; this run does not need it
        learn(plan, run.ledger, known, now.date())
    return run, progress


def check_endpoints(plan: Plan, known: dict[str, Provider]) -> None:
    """See that every model's provider can be sent to, and has its key.

    Raises:
        CannotSend: names every provider that cannot be used.
    """
    problems = []
    for name in sorted({model.name.provider for model in plan.models.values()}):
        if known[name].kind == "none":
            problems.append(
                f"{name}: only its prices are known here, requests cannot be sent to it"
            )
            continue
        try:
            key_of(known[name])
        except CannotSend as error:
            problems.append(str(error))
    if problems:
        raise CannotSend("\n".join(problems))


@dataclass(frozen=True, slots=True)
class _Setting:
    """What an execution needs beside its run and its ledger."""

    experiment: Experiment
    known: dict[str, Provider]
    until: datetime | None
    concurrency: int
    changed: Callable[[Progress], None]


async def _execution(run: Run, ledger: Ledger, setting: _Setting) -> Progress:
    models, changed = run.plan.models, setting.changed
    requests = Requests(setting.experiment, lambda name: models[name].prefill)
    async with Sender(setting.known) as sender:
        execution = Execution(
            requests,
            models,
            ledger,
            sender,
            seed=run.plan.digest,
            answered=ledger.answered(),
            attempts=ledger.attempts(),
            excess=ledger.excess(),
            concurrency=setting.concurrency,
            changed=changed,
        )
        with _Interrupts(execution) as interrupts:
            beat = asyncio.create_task(_beat(execution, changed, setting.until))
            try:
                await execution.run()
            except asyncio.CancelledError:
                if interrupts.asked < 2:  # noqa: PLR2004 - the second one cancels
                    raise
            except BaseExceptionGroup as errors:
                raise _first(errors) from errors
            finally:
                beat.cancel()
        return execution.progress


async def _beat(
    execution: Execution, changed: Callable[[Progress], None], until: datetime | None
) -> None:
    """Every second tell the progress, and see whether the approval has ended."""
    while True:
        await asyncio.sleep(1)
        changed(execution.progress)
        if until is not None and datetime.now(UTC) >= until:
            execution.expire()


class _Interrupts:
    """The first Ctrl-C lets what is in flight finish; the second cancels it and holds its money."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._task = asyncio.current_task()
        self.asked = 0

    def __enter__(self) -> Self:
        with suppress(NotImplementedError, ValueError, RuntimeError):  # not in a main thread
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, self._signalled)
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(NotImplementedError, ValueError, RuntimeError):
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().remove_signal_handler(number)

    def _signalled(self) -> None:
        self.asked += 1
        self._execution.interrupt()
        if self.asked > 1 and self._task is not None:
            self._task.cancel()


def _first(errors: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _prepare(folder: Path, plan: Plan, experiment: Experiment) -> Run:
    """Make a run folder, private to the user, or see that it belongs to this plan."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (folder / _PLAN).exists():
            run = open_run(folder) if (folder / LEDGER).exists() else None
            if run is not None and run.plan.digest != plan.digest:
                raise BadRun(f"{folder}: belongs to another plan; choose another --run-dir")
        spec = {"spec": experiment.spec.model_dump(mode="json"), "queries": experiment.queries}
        plans.save(plan, folder / _PLAN)
        plans.write_whole(folder / _EXPERIMENT, json.dumps(spec, ensure_ascii=False))
    except OSError as error:
        raise BadRun(
            f"{folder}: cannot be written: {error.strerror}; nothing was sent. "
            "Choose another folder with --run-dir"
        ) from error
    return Run(folder, plan, experiment.spec, experiment.queries)
