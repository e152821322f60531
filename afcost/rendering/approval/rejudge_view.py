"""What asking judges about stored answers would cost, before it is approved."""

from __future__ import annotations

from afcost.rendering import console as draw
from afcost.rendering.approval.approval_view import describe_sending
from afcost.rendering.approval.cap_view import Outlook, describe_cap
from afcost.rendering.study_view import describe_rest, describe_spending
from estimator.plan import Plan, VerifiedPlan
from pricing.money import Money
from providers.provider import Provider
from runner.rejudge import OpenVerdicts, Proposal
from runner.run_folder import name_study

_HEADER = ["judge", "model", "answers", "to ask", "in", "out", "likely", "ceiling"]


def show_proposal(
    proposal: Proposal, verified: VerifiedPlan, cap: Money, providers: dict[str, Provider]
) -> None:
    """Print what is stored, what each judge would be asked and cost, and what a cap covers.

    Args:
        proposal: to approve.
        verified: its plan, checked against today's files and prices.
        cap: of the whole study.
        providers: every provider by name, with the experiment's changes.
    """
    console, stored = draw.stdout(), proposal.stored
    plan = proposal.estimate.plan
    draw.print_text(
        console,
        f"{plan.name}: {stored.answered:,} of {stored.planned:,} answers are stored, plan "
        f"{plan.digest[:12]}",
        "bold",
    )
    rows = [_build_row(plan, each) for each in stored.judges]
    draw.print_table(console, _HEADER, rows, left_columns=2)
    sending = list(describe_sending(plan, verified, None, providers, answered_only=True))
    for line in (
        *sending,
        *_list_notes(proposal),
        describe_cap(cap, None, Outlook(stored.likely, stored.ceiling), proposal.spent),
    ):
        draw.print_text(console, f"  {line}")
    for warning in (each for each in proposal.warnings if each not in sending):
        draw.print_text(draw.stderr(), f"warning: {warning}", "yellow")


def _list_notes(proposal: Proposal) -> list[str]:
    stored, plan = proposal.stored, proposal.estimate.plan
    notes = ["counted with the stored answers; no request is sent to a subject model"]
    if left := stored.planned - stored.answered:
        notes.append(f"{left:,} planned answers are missing, and stay so")
    if proposal.away:
        notes.append(f"{proposal.away:,} more are away in batches, and collected")
    batched = {each.model for each in stored.judges if plan.models[each.model].offer.is_batch}
    if names := ", ".join(sorted(str(plan.models[each].name) for each in batched)):
        notes.append(f"asked in batches, at their prices: {names}")
    likely, ceiling = draw.format_dollars(stored.likely), draw.format_dollars(stored.ceiling)
    cost, done = f"likely {likely}, ceiling {ceiling}", sum(e.answered for e in stored.judges)
    return [
        *notes,
        describe_spending(name_study(plan), proposal.place, proposal.balance),
        describe_rest(done, stored.requests, cost, "requests to judges"),
    ]


def _build_row(plan: Plan, judge: OpenVerdicts) -> list[str]:
    return [
        judge.judge,
        str(plan.models[judge.model].name),
        f"{judge.answers:,}",
        f"{judge.requests:,}",
        draw.format_tokens(judge.input_tokens),
        draw.format_tokens(judge.output_tokens),
        draw.format_dollars(judge.likely),
        draw.format_dollars(judge.ceiling),
    ]
