"""`afcost run`: execute an approved plan, show progress and spending, and report the outcome."""

from __future__ import annotations

import shlex
from datetime import datetime
from pathlib import Path

import click

from afcost import errors
from afcost.commands.report import describe_count_check
from afcost.rendering import console as draw
from afcost.rendering.run_summary import describe_balance
from afcost.rendering.run_view import RunView
from runner.execution import Progress, StopReason
from runner.launch import DryRun, RunOptions, execute_plan, prepare_dry_run
from runner.results import build_report
from runner.run_folder import RunFolder


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
def run_command(  # noqa: PLR0913 - one argument for each option
    *,
    plan: Path,
    concurrency: int,
    timeout: float,
    dry_run: bool,
    ledger: str | None,
    run_dir: Path | None,
) -> int:
    """Run PLAN within its approved cap. Run it again to resume it.

    The worst-case cost of each attempt is reserved before it is sent and settled at what the
    provider billed. Ctrl-C lets requests in flight finish.
    """
    if dry_run:
        _show_dry_run(prepare_dry_run(plan, datetime.now().astimezone(), run_dir, ledger))
        return errors.DONE
    view = RunView()
    options = RunOptions(
        folder=run_dir,
        ledger_url=ledger,
        concurrency=concurrency,
        timeout=timeout,
        on_start=view.start,
        on_progress=view.show,
    )
    try:
        run, progress = execute_plan(plan, datetime.now().astimezone(), options)
    finally:
        view.close()
    return _report_outcome(run, progress, plan, run_dir)


def _show_dry_run(dry_run: DryRun) -> None:
    """Print the results of the checks, and the first requests of a run."""
    console, checked = draw.stdout(), dry_run.checked_plan
    plan, approval = checked.plan, checked.approval
    draw.print_text(console, f"{plan.name}: ready to run; nothing was sent", "bold")
    draw.print_text(console, "  checked: files, prices, context windows, approval")
    for each in dry_run.provider_checks:
        draw.print_text(console, f"  {each.message}", "yellow" if each.missing_models else "")
    ceiling = checked.verified.ceiling
    left = plan.request_count - dry_run.answered
    draw.print_text(
        console,
        f"  {left:,} of {plan.request_count:,} requests remaining; worst-case cost {ceiling}, "
        f"cap {approval.cap}",
    )
    draw.print_text(console, f"  run folder {checked.folder}")
    if dry_run.jobs:
        header = ["order", "model", "condition", "query", "sample", "worst case, with judges"]
        rows = [
            [str(at), str(plan.models[request.model].name), request.condition,
             str(request.query), str(request.sample), str(amount)]
            for at, (request, amount) in enumerate(dry_run.jobs, start=1)
        ]  # fmt: skip
        draw.print_table(console, header, rows, left_columns=3)


def _report_outcome(run: RunFolder, progress: Progress, plan: Path, run_dir: Path | None) -> int:
    found, console = build_report(run), draw.stderr()
    again = f"afcost run {shlex.quote(str(plan))}"
    again += f" --run-dir {shlex.quote(str(run_dir))}" if run_dir else ""
    for failure in progress.failed[:5]:
        draw.print_text(console, f"failed: {failure}", "yellow")
    if len(progress.failed) > 5:  # noqa: PLR2004 - as many as are shown
        draw.print_text(console, f"failed: {len(progress.failed) - 5} more", "yellow")
    headline, advice, code = {
        StopReason.COMPLETE: ("Complete", f"See:  afcost report {run.path}", errors.DONE),
        StopReason.CAP: (
            "PARTIAL: stopped at the cap",
            f"To continue, raise the cap:  afcost approve {shlex.quote(str(plan))} --cap USD",
            errors.AT_THE_CAP,
        ),
        StopReason.INTERRUPTED: (
            "PARTIAL: interrupted",
            f"To resume:  {again}",
            errors.INTERRUPTED,
        ),
        StopReason.EXPIRED: (
            "PARTIAL: the approval has expired",
            f"To continue, approve it again:  afcost approve {shlex.quote(str(plan))} --cap USD",
            errors.REFUSED,
        ),
        StopReason.STOPPED: ("STOPPED", f"Fix the problem, then resume:  {again}", errors.ERROR),
        StopReason.FAILED: (
            "PARTIAL: some requests failed",
            f"To retry them:  {again}",
            errors.ERROR,
        ),
    }[progress.end or StopReason.STOPPED]
    draw.print_text(console, f"{headline}. {progress.reason}".rstrip(), "bold")
    if code != errors.DONE:
        for planned, actual in found.strata:
            if planned.stage == "subject":
                name = f"{found.run_folder.plan.models[planned.model].name} {planned.condition}"
                draw.print_text(
                    console, f"  {name}: {actual.requests:,} of {planned.requests:,} answered"
                )
    for name, check in found.counts.items():
        if check.equal < check.calls:
            draw.print_text(console, describe_count_check(name, check), "yellow")
    draw.print_text(console, describe_balance(found))
    draw.print_text(console, advice)
    return code
