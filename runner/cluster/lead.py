"""The lead: the process that checks a plan, and has its work done by workers that it starts.

It registers in the ledger as a worker that takes no jobs. So the execution goes on as long as it
lives, whatever becomes of its workers.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from estimator.plan import read_plan
from runner.cluster.conductor import Conductor
from runner.cluster.crew_places import CrewPlaces
from runner.cluster.handover import make_handover
from runner.cluster.life import Crew
from runner.cluster.local_crew import LocalCrew
from runner.cluster.ray_address import check_ray_address
from runner.errors import CannotSend
from runner.execution import JobQueue, Progress, SharedJobQueue
from runner.launch import ApprovalEnd, Control, OpenWork, RunOptions, execute_plan
from runner.ledger import LEAD_MARK, PostgresLocation
from runner.run_folder import RunFolder, default_run_dir, locate_plan_ledger


@dataclass(frozen=True, slots=True)
class CrewOptions:
    """How many workers, and where.

    Attributes:
        workers: how many.
        address: of Ray's cluster, or `auto`; None for processes on this machine.
    """

    workers: int
    address: str | None = None


def execute_with_crew(
    plan_path: Path, now: datetime, options: RunOptions, crew: CrewOptions
) -> tuple[RunFolder, Progress]:
    """Run an approved plan with several workers, or resume it.

    Args:
        plan_path: the plan file; its approval stands beside it.
        now: the time by which approval and prices are judged.
        options: what the user chose; concurrency is that of each worker.
        crew: of the workers.

    Raises:
        CannotSend: as of `check_crew`.
        EstimatorError, RunnerError: before anything was sent.
    """
    open_crew = check_crew(plan_path, options, crew)

    def conduct(
        work: OpenWork, queue: JobQueue, options: RunOptions, watch: ApprovalEnd, control: Control
    ) -> Progress:
        location = work.run.ledger_location
        assert isinstance(location, PostgresLocation)  # noqa: S101 - checked before
        assert isinstance(queue, SharedJobQueue)  # noqa: S101 - of such a ledger
        with closing(open_crew(crew.workers)) as opened:
            told = location if opened.shares_secrets else replace(location, url=location.name)
            handover = make_handover(work, plan_path, told, options, watch).to_text()
            places = CrewPlaces(opened, handover, queue, crew.workers)
            conductor = Conductor(work, queue, options, control, places)
            return asyncio.run(conductor.run(watch))

    lead = f"{LEAD_MARK}{secrets.token_hex(8)}"
    return execute_plan(plan_path, now, replace(options, worker=lead, conduct=conduct))


def check_crew(plan_path: Path, options: RunOptions, crew: CrewOptions) -> Callable[[int], Crew]:
    """Return what opens a crew of so many workers.

    Raises:
        CannotSend: the ledger is a file, Ray is not installed, or its cluster cannot be reached.
    """
    _refuse_file(plan_path, options)
    return _find_crew(crew.address)


def _refuse_file(plan_path: Path, options: RunOptions) -> None:
    plan = read_plan(plan_path)
    folder = options.folder or default_run_dir(plan)
    if not locate_plan_ledger(folder, plan, options.ledger_url).is_shared:
        raise CannotSend(
            "several workers need a ledger that they share; nothing was sent. Give it with  "
            "--ledger postgresql://USER@HOST/DATABASE"
        )


def _find_crew(address: str | None) -> Callable[[int], Crew]:
    """Return what opens a crew of so many workers."""
    if address is None:
        return lambda _: LocalCrew()
    from runner.cluster.ray_crew import RayCrew  # noqa: PLC0415 - it is an extra

    check_ray_address(address)
    return partial(RayCrew, address)
