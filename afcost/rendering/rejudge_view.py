"""What asking judges about stored answers would cost, before it is approved."""

from __future__ import annotations

from afcost.rendering import console as draw
from estimator.plan import Plan
from pricing.money import Money
from runner.rejudge import OpenVerdicts, Proposal

_HEADER = ["judge", "model", "answers", "to ask", "in", "out", "likely", "ceiling"]


def show_proposal(proposal: Proposal) -> None:
    """Print what is stored, and what each judge would be asked and cost."""
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
    for line in _list_notes(proposal):
        draw.print_text(console, f"  {line}")
    for warning in proposal.warnings:
        draw.print_text(draw.stderr(), f"warning: {warning}", "yellow")


def describe_cap(proposal: Proposal, cap: Money) -> str:
    """Say what a cap of the whole study covers."""
    left = cap - proposal.spent
    if not proposal.stored.requests:
        return f"cap {cap} for the whole study: nothing more is spent"
    if cap < proposal.spent:
        return f"cap {cap} is below the {proposal.spent} that are spent: nothing will be sent"
    if cap >= proposal.needed:
        return f"cap {cap} for the whole study: it covers the judges, whatever they write"
    if left >= proposal.stored.likely:
        return f"cap {cap} for the whole study: the {left} left likely cover the judges"
    return f"cap {cap} for the whole study: the {left} left will not cover all of it"


def _list_notes(proposal: Proposal) -> list[str]:
    stored = proposal.stored
    notes = ["counted with the stored answers; no request is sent to a subject model"]
    if left := stored.planned - stored.answered:
        notes.append(f"{left:,} planned answers are missing, and stay so")
    if done := sum(each.answered for each in stored.judges):
        notes.append(f"{done:,} verdicts of these judges are there, and are not paid again")
    notes.append(
        f"likely {draw.format_dollars(stored.likely)}, at most "
        f"{draw.format_dollars(stored.ceiling)}; the study has spent {proposal.spent}"
    )
    return notes


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
