"""`afcost rejudge`: ask other judges about the answers that a run has, and report."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from pathlib import Path

import click

from afcost import errors
from afcost.consent import Given, ask_consent, find_current_user
from afcost.options import AddedDollars, CapDollars, TrustedKey, today
from afcost.rendering import console as draw
from afcost.rendering.next_step import build_next_commands
from afcost.rendering.rejudge_view import describe_cap, show_proposal
from afcost.rendering.report.text import print_report
from afcost.rendering.run_outcome import show_outcome
from afcost.rendering.run_view import RunView
from estimator.plan import verify_plan
from pricing.money import Money
from providers.registry import load_providers
from runner.approval import Approval, list_confirmations
from runner.execution import StopReason
from runner.launch import RunOptions, approve_plan, execute_plan
from runner.rejudge import Proposal, propose_judges
from runner.results import build_report
from runner.run_folder import RunFolder, open_run_folder

_EXIT_CODES = {
    StopReason.COMPLETE: errors.DONE,
    StopReason.JUDGED: errors.DONE,
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
@click.option("--concurrency", type=click.IntRange(1, 1000), metavar="N", default=10,
              show_default=True, help="Maximum number of requests in flight.")  # fmt: skip
@click.option("--trust", type=TrustedKey(), multiple=True,
              help="As of `afcost approve`; may be repeated.")  # fmt: skip
@click.option("--accept-price", metavar="MODEL", multiple=True,
              help="As of `afcost approve`; may be repeated.")  # fmt: skip
@click.option("--accept-field", metavar="NAME", multiple=True,
              help="As of `afcost approve`; may be repeated.")  # fmt: skip
def rejudge_command(  # noqa: PLR0913 - one argument for each option
    *,
    run: Path,
    judge: Path,
    cap: Money | AddedDollars | None,
    yes: bool,
    output: Path | None,
    concurrency: int,
    trust: tuple[str, ...],
    accept_price: tuple[str, ...],
    accept_field: tuple[str, ...],
) -> int:
    """Ask the judges in a file about the answers that RUN, a run folder, has stored.

    A judge of the same name is replaced; others stay. What it costs is shown and must be approved.
    Nothing is sent to a subject model, and verdicts that are there are not paid again. RUN may be
    partial, or imported: what has no answer stays so.
    """
    if yes and cap is None:
        raise click.UsageError("--yes needs --cap USD: the most that the whole study may cost")
    opened = open_run_folder(run)
    proposal = propose_judges(opened, judge, today(), output)
    show_proposal(proposal)
    given = {"--trust": trust, "--accept-price": accept_price, "--accept-field": accept_field}
    _approve(proposal, _find_cap(proposal, cap), given, yes=yes)
    return _execute(opened, proposal, concurrency)


def _approve(proposal: Proposal, cap: Money, given: Given, *, yes: bool) -> None:
    """Ask for the user's consent, and record the approval beside the plan.

    Raises:
        Refused: it is not approved.
    """
    plan, now = proposal.estimate.plan, datetime.now(UTC)
    verified = verify_plan(plan, now)
    known = load_providers(verified.experiment.spec.providers)
    needed = list_confirmations(verified, known, answered_only=True)
    draw.print_text(draw.stdout(), f"  {describe_cap(proposal, cap)}")
    question = f"Approve spending up to {cap} in all ({proposal.spent} is spent)?"
    ask_consent(question, needed, given, yes=yes, flags="--yes --cap USD")
    confirmed = tuple(each.line for each in needed)
    approval = Approval(plan.digest, cap, find_current_user(), now, confirmed=confirmed)
    approve_plan(plan, proposal.plan_path, approval)


def _find_cap(proposal: Proposal, cap: Money | AddedDollars | None) -> Money:
    """Return the cap of the whole study."""
    if isinstance(cap, AddedDollars):
        return proposal.cap + cap.amount
    return cap or _suggest_cap(proposal)


def _suggest_cap(proposal: Proposal) -> Money:
    """Return the cap that covers all of it, in whole cents; never below the newest approval's."""
    cents = -(-proposal.needed.pico // _CENT)
    return max(Money(max(cents, 1) * _CENT), proposal.cap)


def _execute(run: RunFolder, proposal: Proposal, concurrency: int) -> int:
    view = RunView()
    options = RunOptions(
        folder=run.path,
        concurrency=concurrency,
        answered_only=True,
        on_start=view.start,
        on_progress=view.show,
    )
    try:
        judged, progress = execute_plan(proposal.plan_path, datetime.now().astimezone(), options)
    finally:
        view.close()
    end, report = progress.end or StopReason.STOPPED, build_report(judged)
    commands = build_next_commands(proposal.plan_path, run.path, run.path)
    if end not in (StopReason.COMPLETE, StopReason.JUDGED):
        show_outcome(report, progress, end, commands)
        again = f"afcost rejudge {shlex.quote(str(run.path))} --judge FILE"
        draw.print_text(draw.stderr(), f"To go on with the judges alone:  {again}")
    print_report(draw.stdout(), report)
    return _EXIT_CODES.get(end, errors.ERROR)
