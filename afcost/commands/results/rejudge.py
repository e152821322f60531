"""`afcost rejudge`: ask other judges about the answers that a run has, and report."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from afcost import errors
from afcost.consent import Consent, find_cap, request_approval
from afcost.options import (
    AddedDollars,
    CapDollars,
    concurrency_option,
    consent_options,
    poll_option,
    today,
)
from afcost.rendering import console as draw
from afcost.rendering.approval.rejudge_view import show_proposal
from afcost.rendering.next_step import build_next_commands
from afcost.rendering.report.text import print_report
from afcost.rendering.running.run_outcome import show_outcome
from afcost.rendering.running.run_view import RunView
from estimator.plan import verify_plan
from pricing.money import Money
from providers.registry import load_providers
from runner.execution import StopReason
from runner.launch import (
    RunOptions,
    execute_plan,
    find_earlier_spending,
    find_newest_cap,
)
from runner.rejudge import Proposal, propose_judges
from runner.results import build_report
from runner.run_folder import RunFolder, open_run_folder

_EXIT_CODES = {
    StopReason.COMPLETE: errors.DONE,
    StopReason.JUDGED: errors.DONE,
    StopReason.AWAY: errors.DONE,
    StopReason.CAP: errors.AT_THE_CAP,
    StopReason.INTERRUPTED: errors.INTERRUPTED,
    StopReason.EXPIRED: errors.REFUSED,
}
_CENT = 10**10  # pico-dollars


@click.command("rejudge")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--judge", type=click.Path(path_type=Path), required=True,
              help="YAML of one judge, of a list, or a file with `judges:`.")  # fmt: skip
@click.option("--cap", type=CapDollars(),
              help="The most that the whole study may be billed, in USD, what is spent included; "
              "+5 adds 5. Default: what is spent, and all that the judges can cost.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask; needs --cap.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="PLAN",
              help="Save the plan here; default: in RUN/rejudge.")  # fmt: skip
@click.option("--batch/--no-batch", default=None,
              help="Ask judges in batches where priced so; default: as RUN says.")  # fmt: skip
@click.option("--wait/--no-wait", "waits", default=True, show_default=True,
              help="Wait for batches, or leave them to the next time.")  # fmt: skip
@poll_option
@concurrency_option
@consent_options
def rejudge_command(  # noqa: PLR0913 - one argument for each option
    *,
    run: Path,
    judge: Path,
    cap: Money | AddedDollars | None,
    yes: bool,
    output: Path | None,
    batch: bool | None,
    waits: bool,
    poll: float,
    concurrency: int,
    trust: tuple[str, ...],
    accept_price: tuple[str, ...],
    accept_field: tuple[str, ...],
) -> int:
    """Ask the judges in a file about the answers that RUN, a run folder, has stored.

    A judge of the same name is replaced; others stay. What it costs is shown and must be approved.
    Nothing is sent to a subject model, and verdicts that are there are not paid again. RUN may be
    partial, or imported: what has no answer stays so. Batches that are away go on without this
    process; the same command again collects them.
    """
    if yes and cap is None:
        raise click.UsageError("--yes needs --cap USD: the most that the whole study may cost")
    opened = open_run_folder(run)
    proposal = propose_judges(opened, judge, today(), output, batch=batch)
    plan, path, now = proposal.estimate.plan, proposal.plan_path, datetime.now(UTC)
    verified = verify_plan(plan, now)
    known = load_providers(verified.experiment.spec.providers)
    total = find_cap(cap, plan, path, opened.path) if cap else _suggest_cap(opened, proposal)
    show_proposal(proposal, verified, total, known)
    earlier = find_earlier_spending(plan, path, opened.path)
    if earlier and (problem := earlier.describe_problem(total)):
        draw.print_text(draw.stdout(), f"  {problem}")
    given = {"--trust": trust, "--accept-price": accept_price, "--accept-field": accept_field}
    consent = Consent(yes, "--yes --cap USD", given)
    request_approval(verified, plan, path, total, consent, now, answered_only=True)
    again = f"afcost rejudge {shlex.quote(str(run))} --judge {shlex.quote(str(judge))}"
    again += {None: "", True: " --batch", False: " --no-batch"}[batch]
    options = RunOptions(
        folder=opened.path,
        concurrency=concurrency,
        waits=waits,
        poll=poll,
        answered_only=True,
    )
    return _execute(opened, proposal, options, again)


def _suggest_cap(run: RunFolder, proposal: Proposal) -> Money:
    """Return the cap that covers all of it, in whole cents; never below the newest approval's."""
    newest = find_newest_cap(proposal.estimate.plan, proposal.plan_path, run.path)
    cents = -(-proposal.needed.pico // _CENT)
    return max(Money(max(cents, 1) * _CENT), newest or Money())


def _execute(run: RunFolder, proposal: Proposal, options: RunOptions, again: str) -> int:
    view = RunView()
    options = replace(options, on_start=view.start, on_progress=view.show, on_live=view.show_live)
    try:
        judged, progress = execute_plan(proposal.plan_path, datetime.now().astimezone(), options)
    finally:
        view.close()
    end, report = progress.end or StopReason.STOPPED, build_report(judged)
    commands = build_next_commands(proposal.plan_path, run.path, run.path)
    if end is StopReason.AWAY:
        show_outcome(report, progress, end, replace(commands, resume=again))
    elif end not in (StopReason.COMPLETE, StopReason.JUDGED):
        show_outcome(report, progress, end, commands)
        draw.print_text(draw.stderr(), f"To go on with the judges alone:  {again}")
    print_report(draw.stdout(), report)
    return _EXIT_CODES.get(end, errors.ERROR)
