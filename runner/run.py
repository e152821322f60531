"""Running: an approved plan is executed in a folder of its own, again and again until it is done.

Running a plan again continues it; what is answered is never paid again.
"""

from __future__ import annotations

import asyncio
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
from estimator.stale import Fresh
from experiment.providers import Provider, providers
from experiment.request import Requests
from runner import approval as approvals
from runner.errors import CannotSend
from runner.execute import End, Execution, Progress
from runner.folder import LEDGER, Run, default_folder, prepare
from runner.ledger import Ledger, open_ledger
from runner.lessons import learn
from runner.send import Sender, key_of


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
    fresh = stale.check(plan, now, approval.until)
    known = providers(fresh.experiment.spec.providers)
    check_endpoints(plan, known)
    folder = folder or default_folder(plan)
    approvals.check_bound(plan_path, folder / LEDGER)
    run = prepare(folder, plan, fresh.experiment)
    with open_ledger(run.ledger) as ledger:
        approvals.bind(plan_path, run.ledger)
        ledger.approve(approval)
        ledger.recover()
        started(run, ledger)
        setting = _Setting(fresh, known, approval.until, concurrency, changed)
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

    fresh: Fresh
    known: dict[str, Provider]
    until: datetime | None
    concurrency: int
    changed: Callable[[Progress], None]


async def _execution(run: Run, ledger: Ledger, setting: _Setting) -> Progress:
    models, changed = setting.fresh.models, setting.changed
    requests = Requests(setting.fresh.experiment, lambda name: models[name].prefill)
    dearest = {model.name: model.reserve for model in models.values()}
    async with Sender(setting.known, dearest=dearest) as sender:
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
