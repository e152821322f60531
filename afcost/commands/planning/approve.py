"""`afcost approve`: show the plan, ask for confirmation, and record the approval."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click

from afcost.commands.planning.approve_program import approve_program_plan
from afcost.commands.planning.earlier_answers import make_timer
from afcost.consent import Consent, find_cap, request_approval
from afcost.given_options import refuse_options_but
from afcost.options import CONCURRENCY, AddedDollars, ExpiryTime, TrustedKey, cap_option
from afcost.rendering import console as draw
from afcost.rendering.approval.approval_view import show_plan
from afcost.rendering.approval.reach_view import describe_reach
from afcost.rendering.command_lines import Advice, name_command, print_advice
from afcost.rendering.wall_time_view import describe_time
from estimator.design import Reach, find_reach
from estimator.plan import Plan, VerifiedPlan, read_plan, verify_plan
from estimator.recorded import is_program_plan
from estimator.wall_time import NO_LIMITS
from experiment.definition import SUBJECT
from pricing.money import Money
from providers.registry import load_providers
from runner.errors import RunnerError
from runner.launch import (
    StudyProgress,
    find_earlier_spending,
    find_run_dir,
    find_study_place,
    find_study_progress,
)


@click.command("approve")
@click.argument("plan", type=click.Path(path_type=Path))
@cap_option
@click.option("--run-dir", type=click.Path(path_type=Path),
              help="Run folder of the study; default: runs/STUDY.")  # fmt: skip
@click.option("--until", type=ExpiryTime(), help="When the approval expires, such as 2026-12-01.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--trust", type=TrustedKey(), multiple=True,
              help="With --yes: this key may go to this provider; may be repeated.")  # fmt: skip
@click.option("--accept-price", metavar="MODEL", multiple=True,
              help="With --yes: your own price of PROVIDER/MODEL is right, although it is far "
              "below what others say; may be repeated.")  # fmt: skip
@click.option("--accept-field", metavar="NAME", multiple=True,
              help="With --yes: this field of `sampling` costs nothing; "
              "may be repeated.")  # fmt: skip
def approve_command(  # noqa: PLR0913 - one argument for each option
    *,
    plan: Path,
    cap: Money | AddedDollars,
    run_dir: Path | None,
    until: datetime | None,
    yes: bool,
    trust: tuple[str, ...],
    accept_price: tuple[str, ...],
    accept_field: tuple[str, ...],
) -> None:
    """Approve PLAN: allow its study to spend, in total, up to the cap.

    The cap is for all plans of the study together, also for what is spent already.

    What is unusual about a plan is confirmed with it: a key that goes elsewhere than to a built-in
    provider's own address, a price of yours far below the others', a field that may cost. The
    question counts as confirmation; with --yes, each needs the option that the refusal names.
    """
    if is_program_plan(plan):
        taken = {"cap", "run_dir", "yes", "accept_price"}
        refuse_options_but(taken, "is not for the plan of a program")
        consent = Consent(yes, "--yes", {"--accept-price": accept_price})
        approve_program_plan(plan, cap, run_dir, consent)
        return
    planned = read_plan(plan)
    now = datetime.now(UTC)
    fresh = verify_plan(planned, now, until)
    known = load_providers(fresh.experiment.spec.providers)
    folder = find_run_dir(planned, plan, run_dir)
    progress = _find_progress(planned, fresh, folder)
    total = find_cap(cap, planned, plan, run_dir)
    show_plan(planned, fresh, total, until, known, progress)
    how = (fresh.experiment, progress, run_dir, CONCURRENCY, NO_LIMITS)
    time = make_timer(planned, *how)(planned.models)
    if time:
        draw.print_text(draw.stdout(), f"  {next(describe_time(time))}")
    if reach := _find_reach(planned, fresh, total, progress):
        draw.print_text(draw.stdout(), f"  {describe_reach(reach)}")
    earlier = find_earlier_spending(planned, plan, run_dir)
    said = earlier.describe(total) if earlier else ""
    if earlier and progress:  # which says what is spent and answered
        said = earlier.describe_problem(total)
    if said:
        draw.print_text(draw.stdout(), f"  {said}")
    given = {"--trust": trust, "--accept-price": accept_price, "--accept-field": accept_field}
    consent = Consent(yes, "--yes", given)
    request_approval(fresh, planned, plan, total, consent, now, until=until)
    command = name_command("run", plan, *find_study_place(planned, plan, run_dir))
    print_advice(draw.stdout(), [Advice("Approved. To run it", (command,))])


def _find_reach(
    plan: Plan, fresh: VerifiedPlan, cap: Money, progress: StudyProgress | None
) -> Reach | None:
    """Return how far a cap below the likely cost reaches; None where it likely covers all."""
    if progress is None:
        return find_reach(plan, fresh.experiment, cap, plan.total.mean)
    left = max(cap - progress.spent, Money())
    answered = sum(
        answered for each, answered, _ in progress.list_strata() if each.stage == SUBJECT
    )
    of = sum(each.requests for each in plan.strata if each.stage == SUBJECT)
    return find_reach(plan, fresh.experiment, left, progress.cost.mean, answered / of)


def _find_progress(plan: Plan, fresh: VerifiedPlan, folder: Path) -> StudyProgress | None:
    """Return what of a plan is answered; None where there is no ledger that can be read."""
    with suppress(RunnerError):  # what is wrong with it, `find_earlier_spending` says
        return find_study_progress(plan, fresh.experiment, fresh.models, folder)
    return None
