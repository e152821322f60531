"""How a run ended, why, and what to do next: the same words wherever they are shown."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from afcost.rendering.command_lines import (
    Advice,
    name_command,
    name_place,
    quote_path,
    shorten_path,
)
from pricing.money import Money
from runner.results import RunState, find_unplanned_batches
from runner.run_folder import RunFolder, default_run_dir

_ENDS = {
    "complete": "complete",
    "cap": "PARTIAL: stopped at the cap",
    "interrupted": "PARTIAL: interrupted",
    "expired": "PARTIAL: the approval has expired",
    "stopped": "STOPPED",
    "failed": "PARTIAL: some requests failed",
    "shown": "stopped early: the gap was shown",
    "judged": "PARTIAL: the stored answers are judged, other requests were not sent",
    "away": "PARTIAL: batches are away",
    "pilot": "PARTIAL: the pilot is complete, the rest was not sent",
    "": "PARTIAL: ended unexpectedly",
}
_RESUME = {
    "cap": "To continue, now that the cap pays for more",
    "stopped": "Fix the problem, then resume",
    "failed": "To retry them",
    "judged": "To send those too",
    "away": "To collect them, here or wherever this ledger is",
    "pilot": "To run the rest, within the cap that is approved",
}
_GO_ON = "Running it again sends nothing. To ask the rest, plan it without `sequential`"
_NEEDED = re.compile(r"may cost \$([\d,]+(?:\.\d+)?)")  # as the reason says what a cap lacks


@dataclass(frozen=True, slots=True)
class NextCommands:
    """Command lines that the user may need next."""

    resume: str
    approve: str
    report: str
    reconcile: str


def build_next_commands(
    plan: Path, run_dir: Path | None, run_folder: Path, ledger: str | None = None
) -> NextCommands:
    """Return what to type next.

    Args:
        plan: the plan file, as the user names it.
        run_dir: as the user named it; None for the default.
        run_folder: that this is.
        ledger: the address of a shared one; None for that of the folder.
    """
    return NextCommands(
        resume=name_command("run", plan, run_dir, ledger),
        approve=f"{name_command('approve', plan)} --cap USD{name_place(run_dir)}",
        report=f"afcost report {quote_path(run_folder)}",
        reconcile=f"afcost ledger {quote_path(run_folder)} reconcile",
    )


def build_commands_of_report(report: RunState, plan: Path | None = None) -> NextCommands:
    """Return what to type next, by what is known of a run; PLAN where its plan is not known.

    Args:
        report: of the run.
        plan: file of the plan to name; None for the one that was run last.
    """
    folder, plan = report.run_folder.path, plan or report.plan_file
    shown = shorten_path(plan) if plan is not None and plan.exists() else Path("PLAN")
    run_dir, ledger = find_place(report.run_folder)
    commands = build_next_commands(shown, run_dir, folder, ledger)
    if find_unplanned_batches(report.run_folder.plan, report.open_chunks):
        return replace(commands, resume=f"{commands.resume} --batch")  # the rest goes as these did
    return commands


def find_place(run: RunFolder) -> tuple[Path | None, str | None]:
    """Return the run folder and the shared ledger of a run; None for each that is the default."""
    is_default = run.path.resolve() == default_run_dir(run.plan).resolve()
    location = run.ledger_location
    return None if is_default else run.path, location.name if location.is_shared else None


def describe_end(report: RunState, end: str) -> str:
    """Return a headline that says how an execution ended.

    Args:
        report: of the run.
        end: the stop reason's word; empty where it ended unexpectedly.
    """
    headline = _ENDS.get(end, "PARTIAL")
    if end == "cap" and is_cap_held(report):
        requests = f"{report.held_requests:,} request{'s' * (report.held_requests > 1)}"
        held = report.held_for_requests
        return f"{headline}, of which {held} is held for {requests} that may have been billed"
    return headline


def list_reasons(reason: str) -> list[str]:
    """Return the lines of a reason, each a sentence."""
    return [_capitalize(line.strip()) for line in reason.splitlines() if line.strip()]


def is_cap_held(report: RunState) -> bool:
    """Return whether what is held for requests would pay for the job that the cap did not."""
    held = report.held_for_requests
    return bool(held) and held + report.balance.free >= _find_needed(report) > report.balance.free


def advise(report: RunState, end: str, commands: NextCommands) -> list[Advice]:
    """Return what to do next, first things first.

    Args:
        report: of the run.
        end: the stop reason's word; empty where it ended unexpectedly.
        commands: to name.
    """
    resume = Advice(_RESUME.get(end, "To resume"), (commands.resume,))
    if end == "away" and (left := _count_unsent(report)):
        said = f"To collect them, and send what is left ({left:,} requests)"
        resume = Advice(said, resume.commands)
    match end:
        case "complete":
            return [Advice("See", (commands.report,))]
        case "shown":
            return [Advice("See", (commands.report,)), _advise_to_go_on(report)]
        case "expired":
            return [Advice("To continue, approve it again", (commands.approve,))]
    if is_cap_held(report):
        then = resume if end == "stopped" else Advice("Then resume", resume.commands)
        return [_advise_to_reconcile(commands), then]
    if end == "cap" and report.balance.free < _find_needed(report):
        return [Advice("To continue, raise the cap, then run it again", (commands.approve,))]
    return [resume]


def find_next_command(report: RunState, commands: NextCommands) -> str:
    """Return the command line to go on with; empty where nothing is to be done."""
    goes_on = report.outcome == "partial" and report.end != "shown"
    steps = advise(report, report.end, commands) if goes_on else []
    return steps[0].commands[0] if steps else ""


def list_next_steps(report: RunState) -> list[Advice]:
    """Return what to do next; nothing where a run goes on or is complete."""
    if report.outcome != "partial":
        return []
    if report.end == "shown":
        return [_advise_to_go_on(report)]
    return advise(report, report.end, build_commands_of_report(report))


def _count_unsent(report: RunState) -> int:
    """Return how many of the planned requests are neither answered nor away, nor failed."""
    return sum(
        max(planned.requests - actual.requests - actual.in_flight - actual.failed, 0)
        for planned, actual in report.strata
    )


def _advise_to_reconcile(commands: NextCommands) -> Advice:
    return Advice(
        "First free what was not billed. Resolve the held requests from the provider's list of "
        "calls, or by hand",
        (
            f'{commands.reconcile} --usage FILE --reason "the provider\'s list of calls"',
            f'{commands.reconcile} --billed 0 --reason "the provider billed none of them"',
        ),
    )


def _advise_to_go_on(report: RunState) -> Advice:
    source = shorten_path(Path(report.run_folder.plan.source))
    return Advice(_GO_ON, (f"afcost estimate {quote_path(source)} -o plan.json",))


def _find_needed(report: RunState) -> Money:
    """Return what the next job may cost: as the reason says, else what one may on average."""
    if found := _NEEDED.search(report.reason):
        return Money.from_usd(found[1].replace(",", ""))
    plan = report.run_folder.plan
    jobs = sum(each.requests for each in plan.strata if each.stage == "subject")
    return Money(plan.total.ceiling.pico // max(jobs, 1))


def _capitalize(reason: str) -> str:
    """Return a reason with a capital, unless a name comes first: those keep their case."""
    starts_with_article = reason.startswith(("the ", "a "))
    return reason[0].upper() + reason[1:] if starts_with_article else reason
