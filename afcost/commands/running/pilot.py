"""`afcost pilot`: run a few queries of each stratum first, and plan again on what they cost."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from afcost import errors
from afcost.consent import Consent, find_cap, request_approval
from afcost.errors import Refused
from afcost.options import (
    AddedDollars,
    FiniteRange,
    cap_option,
    concurrency_option,
    consent_options,
    today,
)
from afcost.rendering import console as draw
from afcost.rendering.approval.approval_view import describe_sending
from afcost.rendering.pilot.live_lines import PilotView
from afcost.rendering.pilot.outcome import pilot_to_json, show_cut_off, show_next, show_pilot
from afcost.rendering.pilot.proposal import describe_outline, describe_pilot_cap
from afcost.rendering.study_view import describe_cost, find_likely_cap
from estimator.plan import Plan, VerifiedPlan, read_plan, verify_plan
from pricing.money import Money
from providers.registry import load_providers
from runner.errors import RunnerError
from runner.execution import StopReason
from runner.launch import (
    RunOptions,
    StudyProgress,
    find_earlier_spending,
    find_run_dir,
    find_study_progress,
)
from runner.pilot import (
    PilotGoal,
    PilotOutline,
    PilotRun,
    name_pilot_plan,
    outline_pilot,
    run_pilot,
    write_pilot_plan,
)
from runner.results import build_report

_EXIT_CODES = {
    StopReason.PILOT: errors.DONE,
    StopReason.COMPLETE: errors.DONE,
    StopReason.CAP: errors.AT_THE_CAP,
    StopReason.INTERRUPTED: errors.INTERRUPTED,
    StopReason.EXPIRED: errors.REFUSED,
}
_WHOLE = (StopReason.PILOT, StopReason.COMPLETE, StopReason.CAP)


@dataclass(frozen=True, slots=True)
class _Files:
    """The plan's file, that of the plan to write, and where the user says that the study is."""

    plan: Path
    output: Path
    run_dir: Path | None
    ledger: str | None


@click.command("pilot")
@click.argument("plan", type=click.Path(path_type=Path))
@cap_option
@click.option("--width", type=FiniteRange(min=0, min_open=True), metavar="SHARE", default=0.3,
              show_default=True,
              help="Stop once the 90% range is within this share, up and down.")  # fmt: skip
@click.option("--most", type=click.IntRange(1, 1000), metavar="N", default=25, show_default=True,
              help="Queries of each model and condition, at most.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="PLAN",
              help="Save the new plan here; default: PLAN-pilot.json.")  # fmt: skip
@click.option("--format", type=click.Choice(["text", "json"]), default="text", show_default=True,
              help="Output format.")  # fmt: skip
@concurrency_option
@click.option("--ledger", metavar="URL",
              help="Ledger shared by several processes: postgresql://USER@HOST/DB.")  # fmt: skip
@click.option("--run-dir", type=click.Path(path_type=Path),
              help="Run folder of the study; default: runs/STUDY.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@consent_options
def pilot_command(  # noqa: PLR0913 - one argument for each option
    *,
    plan: Path,
    cap: Money | AddedDollars,
    width: float,
    most: int,
    output: Path | None,
    format: str,  # noqa: A002 - the option's name, as in afcost.toml
    concurrency: int,
    ledger: str | None,
    run_dir: Path | None,
    yes: bool,
    trust: tuple[str, ...],
    accept_price: tuple[str, ...],
    accept_field: tuple[str, ...],
) -> int:
    """Run a few queries of PLAN first, and write a plan whose forecast rests on their answers.

    The queries are drawn for each model and condition by itself. The pilot waits for every call
    that it sends, looks at the range from five queries of each on, and stops once it is narrow.

    It runs in the study's own folder, within the cap, so its answers are never paid again. Run it
    again to resume it.
    """
    planned, goal = read_plan(plan), PilotGoal(width, most)
    files = _Files(plan, output or name_pilot_plan(plan), run_dir, ledger)
    _check_files(planned, files)
    now = datetime.now(UTC)
    verified = verify_plan(planned, now)
    outline = outline_pilot(planned, verified, goal)
    where = draw.stderr() if format == "json" else draw.stdout()
    total = find_cap(cap, planned, plan, run_dir, where)
    if format == "text":
        _show_proposal(planned, verified, outline, goal, total, files)
    given = {"--trust": trust, "--accept-price": accept_price, "--accept-field": accept_field}
    request_approval(verified, planned, plan, total, Consent(yes, "--yes", given), now)
    pilot = _execute(files, goal, concurrency)
    after = None
    if pilot.has_ended:
        after = _plan_again(planned, pilot, files, trust)
    report = build_report(pilot.run_folder)
    if format == "json":
        plans = [(plan, planned), *([(files.output, after)] if after else [])]
        balance = report.balance
        told = pilot_to_json(pilot, goal, outline, plans, balance.spent, balance.cap)
        click.echo(draw.show_json(told))
    elif after:
        show_pilot(pilot, planned, after, files.output)
        progress = _find_progress(after, verified, report.run_folder.path)
        show_next(report, find_likely_cap(after, progress), files.output, run_dir)
    if not after or pilot.progress.end not in _WHOLE:
        show_cut_off(pilot, report, plan, run_dir, ledger)
    return _EXIT_CODES.get(pilot.progress.end or StopReason.STOPPED, errors.ERROR)


def _check_files(plan: Plan, files: _Files) -> None:
    """Refuse, before anything is spent, what would leave the pilot's answers without a plan.

    Raises:
        Refused: the plan names no study, or there is a folder where the new one would be saved.
    """
    if not plan.study:
        raise Refused(
            f"{files.plan} was made by an earlier version, before plans named their study, so a "
            "new plan would not find the pilot's answers; nothing was sent. Plan it again with "
            "`afcost estimate … -o`"
        )
    if files.output.is_dir():
        raise Refused(f"{files.output} is a folder; give -o the name of a file")


def _plan_again(plan: Plan, pilot: PilotRun, files: _Files, trusted: tuple[str, ...]) -> Plan:
    """Write the plan that rests on a pilot; where it cannot be written, say what that costs."""
    try:
        return write_pilot_plan(plan, pilot.run_folder, today(), files.output, trusted).plan
    except Exception:
        draw.print_text(
            draw.stderr(),
            f"{files.output} was not written. The pilot is done, and its answers are kept. "
            "Mend what is named below, then run it again: no query is asked twice.",
        )
        raise


def _show_proposal(  # noqa: PLR0913 - what is shown before it is approved
    plan: Plan,
    verified: VerifiedPlan,
    outline: PilotOutline,
    goal: PilotGoal,
    cap: Money,
    files: _Files,
) -> None:
    console, known = draw.stdout(), load_providers(verified.experiment.spec.providers)
    progress = _find_progress(plan, verified, find_run_dir(plan, files.plan, files.run_dir))
    spent = progress.spent if progress else Money()
    title = f"{plan.name}: a pilot of plan {plan.digest[:12]}, of {plan.request_count:,} requests"
    draw.print_text(console, title, "bold")
    for line in (
        *describe_sending(plan, verified, None, known),
        *describe_outline(outline, goal),
        f"the whole run: {describe_cost(plan.total)}",
        describe_pilot_cap(cap, spent, outline),
    ):
        draw.print_text(console, f"  {line}")
    earlier = find_earlier_spending(plan, files.plan, files.run_dir)
    said = earlier.describe_problem(cap) if earlier and progress else ""
    if earlier and not progress:
        said = earlier.describe(cap)
    if said:
        draw.print_text(console, f"  {said}")


def _find_progress(plan: Plan, verified: VerifiedPlan, folder: Path) -> StudyProgress | None:
    """Return what of a plan is answered; None where there is no ledger that can be read."""
    with suppress(RunnerError):  # what is wrong with it, `find_earlier_spending` says
        return find_study_progress(plan, verified.experiment, verified.models, folder)
    return None


def _execute(files: _Files, goal: PilotGoal, concurrency: int) -> PilotRun:
    view = PilotView()
    options = RunOptions(
        folder=files.run_dir,
        ledger_url=files.ledger,
        concurrency=concurrency,
        on_start=view.start,
        on_progress=view.show,
        on_live=view.show_live,
    )
    try:
        now = datetime.now().astimezone()
        return run_pilot(files.plan, now, goal, options, view.show_look)
    finally:
        view.close()
