"""How a run ended, and what to do next."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from afcost.rendering import console as draw
from afcost.rendering.run_summary import describe_balance, describe_count_check
from runner.execution import Progress, StopReason
from runner.results import Report

_MAX_FAILURES = 5


@dataclass(frozen=True, slots=True)
class NextCommands:
    """Command lines that the user may need next."""

    resume: str
    approve: str
    report: str


def build_next_commands(plan: Path, run_dir: Path | None, run_folder: Path) -> NextCommands:
    """Return what to type to resume a run, to approve its plan again, and to see its report."""
    resume = f"afcost run {shlex.quote(str(plan))}"
    resume += f" --run-dir {shlex.quote(str(run_dir))}" if run_dir else ""
    return NextCommands(
        resume,
        approve=f"afcost approve {shlex.quote(str(plan))} --cap USD",
        report=f"afcost report {run_folder}",
    )


def show_outcome(report: Report, progress: Progress, end: StopReason, then: NextCommands) -> None:
    """Print how a run ended: failures, progress where it is incomplete, money, the next step."""
    console = draw.stderr()
    headline, advice = _describe_end(end, then)
    _print_failures(console, progress)
    draw.print_text(console, f"{headline}. {_start_sentence(progress.reason)}".rstrip(), "bold")
    if end is not StopReason.COMPLETE:
        _print_progress(console, report)
    for name, check in report.counts.items():
        if check.equal < check.calls:
            draw.print_text(console, describe_count_check(name, check), "yellow")
    draw.print_text(console, describe_balance(report))
    draw.print_text(console, advice)


def _describe_end(end: StopReason, then: NextCommands) -> tuple[str, str]:
    """Return a headline, and advice."""
    return {
        StopReason.COMPLETE: ("Complete", f"See:  {then.report}"),
        StopReason.CAP: (
            "PARTIAL: stopped at the cap",
            f"To continue, raise the cap, then run it again:  {then.approve}",
        ),
        StopReason.INTERRUPTED: ("PARTIAL: interrupted", f"To resume:  {then.resume}"),
        StopReason.EXPIRED: (
            "PARTIAL: the approval has expired",
            f"To continue, approve it again:  {then.approve}",
        ),
        StopReason.STOPPED: ("STOPPED", f"Fix the problem, then resume:  {then.resume}"),
        StopReason.FAILED: ("PARTIAL: some requests failed", f"To retry them:  {then.resume}"),
    }[end]


def _start_sentence(reason: str) -> str:
    """Return a reason with a capital, unless a name comes first: those keep their case."""
    starts_with_article = reason.startswith(("the ", "a "))
    return reason[0].upper() + reason[1:] if starts_with_article else reason


def _print_failures(console: Console, progress: Progress) -> None:
    for failure in progress.failed[:_MAX_FAILURES]:
        draw.print_text(console, f"failed: {failure}", "yellow")
    if (more := len(progress.failed) - _MAX_FAILURES) > 0:
        draw.print_text(console, f"failed: {more} more", "yellow")


def _print_progress(console: Console, report: Report) -> None:
    for planned, actual in report.strata:
        if planned.stage == "subject":
            name = f"{report.run_folder.plan.models[planned.model].name} {planned.condition}"
            draw.print_text(
                console, f"  {name}: {actual.requests:,} of {planned.requests:,} answered"
            )
