"""`afcost run`: execute an approved plan, show where the money goes, say how it ended."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path

import click

from afcost import errors
from afcost.commands.report import count_remark
from afcost.rendering import console as draw
from afcost.rendering.run_summary import money
from afcost.rendering.run_view import RunView
from runner.execution.scheduler import End, Progress
from runner.launch import run_plan as running
from runner.launch.dry_run import DryRun
from runner.launch.dry_run import dry_run as prepare_dry_run
from runner.results.report import report
from runner.run_folder import Run


@click.command("run")
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--concurrency", type=click.IntRange(1, 1000), default=10, show_default=True,
              help="Maximum number of requests in flight.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=600,
              show_default=True, help="Timeout of one request in seconds.")  # fmt: skip
@click.option("--dry-run", is_flag=True,
              help="Check everything, show the first requests, send nothing.")  # fmt: skip
@click.option("--ledger", metavar="URL",
              help="Ledger shared by several processes: postgresql://USER@HOST/DB.")  # fmt: skip
@click.option("--run-dir", type=click.Path(path_type=Path), help="The run's folder.")
def command(  # noqa: PLR0913 - one argument for each option
    *,
    plan: Path,
    concurrency: int,
    timeout: float,
    dry_run: bool,
    ledger: str | None,
    run_dir: Path | None,
) -> int:
    """Run PLAN within its approved cap. Run it again to resume.

    The worst-case cost of each attempt is reserved before it is sent and settled at what the
    provider billed. Ctrl-C lets requests in flight finish.
    """
    if dry_run:
        _show(prepare_dry_run(plan, datetime.now().astimezone(), run_dir, ledger))
        return errors.DONE
    view = RunView()
    try:
        run, progress = running.execute(
            plan,
            datetime.now().astimezone(),
            folder=run_dir,
            concurrency=concurrency,
            timeout=timeout,
            ledger=ledger,
            started=view.start,
            changed=view.show,
        )
    finally:
        view.close()
    return _finish(run, progress, plan, run_dir)


def _show(found: DryRun) -> None:
    """Say what was checked, and what a run would begin with."""
    console, checked = draw.out(), found.checked
    plan, approval = checked.plan, checked.approval
    draw.say(console, f"{plan.name}: ready to run; nothing was sent", "bold")
    draw.say(console, "  checked: files, prices, context windows, approval")
    for each in found.reached:
        draw.say(console, f"  {each.said}", "yellow" if each.lacks else "")
    ceiling = checked.fresh.ceiling
    left = plan.requests_in_all - found.answered
    draw.say(
        console,
        f"  {left:,} of {plan.requests_in_all:,} requests remaining; worst-case cost {ceiling}, "
        f"cap {approval.cap}",
    )
    draw.say(console, f"  run folder {checked.folder}")
    if found.jobs:
        header = ["order", "model", "condition", "query", "sample", "worst case, with judges"]
        rows = [
            [str(at), str(plan.models[request.model].name), request.condition,
             str(request.query), str(request.sample), str(amount)]
            for at, (request, amount) in enumerate(found.jobs, start=1)
        ]  # fmt: skip
        draw.table(console, header, rows, left=3)


def _finish(run: Run, progress: Progress, plan: Path, run_dir: Path | None) -> int:
    found, console = report(run), draw.notes()
    again = f"afcost run {shlex.quote(str(plan))}"
    again += f" --run-dir {shlex.quote(str(run_dir))}" if run_dir else ""
    for failure in progress.failed[:5]:
        draw.say(console, f"failed: {failure}", "yellow")
    if len(progress.failed) > 5:  # noqa: PLR2004 - as many as are shown
        draw.say(console, f"failed: {len(progress.failed) - 5} more", "yellow")
    headline, advice, code = {
        End.COMPLETE: ("Complete", f"See:  afcost report {run.folder}", errors.DONE),
        End.CAP: (
            "PARTIAL: stopped at the cap",
            f"To continue, raise the cap:  afcost approve {shlex.quote(str(plan))} --cap USD",
            errors.AT_THE_CAP,
        ),
        End.INTERRUPTED: ("PARTIAL: interrupted", f"To resume:  {again}", errors.INTERRUPTED),
        End.EXPIRED: (
            "PARTIAL: the approval has expired",
            f"To continue, approve it again:  afcost approve {shlex.quote(str(plan))} --cap USD",
            errors.REFUSED,
        ),
        End.STOPPED: ("STOPPED", f"Fix the problem, then resume:  {again}", errors.ERROR),
        End.FAILED: ("PARTIAL: some requests failed", f"To retry them:  {again}", errors.ERROR),
    }[progress.end or End.STOPPED]
    draw.say(console, f"{headline}. {progress.reason}".rstrip(), "bold")
    if code != errors.DONE:
        for planned, actual in found.strata:
            if planned.stage == "subject":
                name = f"{found.run.plan.models[planned.model].name} {planned.condition}"
                draw.say(console, f"  {name}: {actual.requests:,} of {planned.requests:,} answered")
    for name, check in found.counts.items():
        if check.equal < check.calls:
            draw.say(console, count_remark(name, check), "yellow")
    draw.say(console, money(found))
    draw.say(console, advice)
    return code
