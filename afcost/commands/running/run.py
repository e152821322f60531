"""`afcost run`: execute an approved plan, show progress and spending, and report the outcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from afcost import errors
from afcost.options import FiniteRange, by_option, concurrency_option, poll_option
from afcost.rendering import console as draw
from afcost.rendering.next_step import build_next_commands
from afcost.rendering.running.dry_run_view import show_dry_run
from afcost.rendering.running.run_outcome import show_outcome
from afcost.rendering.running.run_view import RunView
from afcost.rendering.wall_time_view import describe_time
from afcost.rendering.ways_view import describe_by, describe_late
from estimator.processing import NotInTime
from runner.cluster import CrewOptions, check_crew, execute_with_crew
from runner.deadline import choose_run_by, wait_until
from runner.execution import StopReason
from runner.launch import RunOptions, execute_plan, prepare_dry_run
from runner.results import build_report

_EXIT_CODES = {
    StopReason.COMPLETE: errors.DONE,
    StopReason.CAP: errors.AT_THE_CAP,
    StopReason.INTERRUPTED: errors.INTERRUPTED,
    StopReason.EXPIRED: errors.REFUSED,
    StopReason.STOPPED: errors.ERROR,
    StopReason.FAILED: errors.ERROR,
    StopReason.SHOWN: errors.DONE,
    StopReason.JUDGED: errors.DONE,
    StopReason.AWAY: errors.DONE,
}
_WORKERS = 2  # with --ray and no number


def _refuse_blank(_: click.Context, __: click.Parameter, address: str | None) -> str | None:
    """Refuse an address that is empty, as of a variable that is not set: it would mean no Ray."""
    if address is not None and not address.strip():
        raise click.BadParameter("expected auto, or the HOST:PORT of a cluster's head")
    return address


def _prepare_by(plan: Path, by: datetime, options: RunOptions, *, waits: bool) -> frozenset[str]:
    """Return the models that are asked in batches to be done by a time; wait for cheaper hours.

    Raises:
        Refused: nothing is done by then; it says what is possible.
    """
    now = datetime.now().astimezone()
    try:
        place = options.folder, options.ledger_url
        found = choose_run_by(plan, by, now, *place, options.concurrency)
    except NotInTime as late:
        raise errors.Refused(describe_late(late, by, now)) from late
    if found.time is not None:
        for line in (*describe_by(found.models, by, found.later), next(describe_time(found.time))):
            draw.print_text(draw.stderr(), line)
    if found.later is not None and waits:
        at = found.later.at.astimezone()
        draw.print_text(draw.stderr(), f"waiting until {at:%Y-%m-%d %H:%M}; Ctrl-C ends it")
        wait_until(found.later.at)
    return found.batched


@click.command("run")
@click.argument("plan", type=click.Path(path_type=Path))
@concurrency_option
@click.option("--timeout", type=FiniteRange(min=0, min_open=True), metavar="SECONDS",
              default=600, show_default=True, help="Timeout of one request.")  # fmt: skip
@click.option("--dry-run", is_flag=True,
              help="Check everything, show the first requests, send nothing.")  # fmt: skip
@click.option("--ledger", metavar="URL",
              help="Ledger shared by several processes: postgresql://USER@HOST/DB.")  # fmt: skip
@click.option("--workers", type=click.IntRange(1, 1000), metavar="N",
              help="Processes that share a PostgreSQL ledger, here or with --ray.")  # fmt: skip
@click.option("--ray", metavar="auto|ADDRESS", callback=_refuse_blank,
              help="Have Ray place the workers on a cluster; 2 without --workers.")  # fmt: skip
@click.option("--batch", is_flag=True,
              help="Ask models in batches where their price is known.")  # fmt: skip
@by_option
@click.option("--wait/--no-wait", "waits", default=True, show_default=True,
              help="Wait for batches, or leave them to the next run.")  # fmt: skip
@poll_option
@click.option("--run-dir", type=click.Path(path_type=Path), help="Run folder; default: runs/STUDY.")
def run_command(  # noqa: PLR0913 - one argument for each option
    *,
    plan: Path,
    concurrency: int,
    timeout: float,
    dry_run: bool,
    ledger: str | None,
    run_dir: Path | None,
    workers: int | None,
    ray: str | None,
    batch: bool,
    by: datetime | None,
    waits: bool,
    poll: float,
) -> int:
    """Run PLAN within its approved cap. Run it again to resume it.

    The worst-case cost of each attempt is reserved before it is sent and settled at what the
    provider billed. Ctrl-C lets requests in flight finish. With --workers, each has --concurrency
    of its own. Batches that are away go on without this process; running PLAN again collects them.
    """
    if by and batch:
        raise click.UsageError("--by chooses what is asked in batches; remove --batch")
    crew = CrewOptions(workers or _WORKERS, ray) if workers or ray else None
    options = RunOptions(
        folder=run_dir,
        ledger_url=ledger,
        concurrency=concurrency,
        timeout=timeout,
        batch=batch,
        waits=waits,
        poll=poll,
    )
    if dry_run and crew is not None:
        check_crew(plan, options, crew)
    if by is not None:
        batched = _prepare_by(plan, by, options, waits=not dry_run)
        options = replace(options, batched=batched)
    if dry_run:
        prepared = prepare_dry_run(plan, datetime.now().astimezone(), options)
        show_dry_run(prepared)
        return errors.AT_THE_CAP if prepared.is_at_cap else errors.DONE
    view = RunView()
    options = replace(options, on_start=view.start, on_progress=view.show, on_live=view.show_live)
    now = datetime.now().astimezone()
    try:
        if crew is not None:
            run, progress = execute_with_crew(plan, now, options, crew)
        else:
            run, progress = execute_plan(plan, now, options)
    finally:
        view.close()
    end = progress.end or StopReason.STOPPED
    then = build_next_commands(plan, run_dir, run.path, ledger)
    asked = f" --workers {workers}" * bool(workers) + f" --ray {ray}" * bool(ray)
    asked += " --batch" * batch
    show_outcome(build_report(run), progress, end, replace(then, resume=then.resume + asked))
    return _EXIT_CODES[end]
