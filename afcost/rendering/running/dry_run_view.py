"""What `afcost run --dry-run` found: the checks, and the first requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from afcost.rendering import console as draw
from afcost.rendering.study_view import describe_cost
from estimator.plan import list_joint_votes
from pricing.money import Money
from runner.batches import describe_chunks
from runner.launch import DryRun

_HEADER = ["order", "model", "condition", "query", "sample", "worst case, with judges"]


def show_dry_run(dry_run: DryRun) -> None:
    """Print the results of the checks, and the first requests of a run."""
    console, checked = draw.stdout(), dry_run.checked_plan
    plan, by_calls = checked.plan, " by calls" * (dry_run.batches.models != checked.verified.models)
    draw.print_text(console, f"{plan.name}: {_describe_state(dry_run)}", "bold")
    draw.print_text(console, "  checked: files, prices, context windows, approval")
    for each in dry_run.provider_checks:
        draw.print_text(console, f"  {each.message}", "yellow" if each.missing_models else "")
    draw.print_text(
        console,
        f"  {dry_run.left:,} of {plan.request_count:,} requests remaining; the whole plan costs at "
        f"most {checked.verified.ceiling}{by_calls}",
    )
    for note in list_joint_votes(checked.verified.experiment.spec, checked.verified.models):
        draw.print_text(console, f"  {note}")
    for line in _describe_batches(dry_run):
        draw.print_text(console, f"  {line}")
    if dry_run.left:
        draw.print_text(console, f"  what remains costs {describe_cost(dry_run.cost)}")
    for stop in dry_run.stops:
        draw.print_text(console, f"  {stop}; asked nothing more")
    money = dry_run.balance
    draw.print_text(
        console,
        f"  cap {money.cap}: {money.settled} billed, {money.held} held, {money.free} free",
    )
    draw.print_text(console, f"  run folder {checked.folder}")
    if dry_run.jobs:
        draw.print_table(console, _HEADER, _build_rows(dry_run), left_columns=3)


def _describe_state(dry_run: DryRun) -> str:
    """Say what a run would do."""
    if dry_run.is_complete:
        return "every request is answered; nothing would be sent"
    if dry_run.is_stopped:
        return "stopped early: the gap was shown; nothing would be sent"
    if dry_run.is_at_cap:
        amount, free = dry_run.jobs[0][1], dry_run.balance.free
        return (
            f"a run would stop at the cap before anything is sent: the next job may cost {amount}, "
            f"but only {max(free, Money())} is free"
        )
    return "ready to run; nothing was sent"


def _describe_batches(dry_run: DryRun) -> Iterator[str]:
    """Yield which models are asked in batches, and what of them is away."""
    models, batched = dry_run.batches.models, dry_run.batches.batched
    if batched:
        by_way: dict[str, list[str]] = {"in batches": [], "by calls": []}
        for written, model in models.items():
            cached = " (which read cached prompts and cost less so)"
            name = f"{model.name}{cached * (written in dry_run.batches.cached)}"
            by_way["in batches" if written in batched else "by calls"].append(name)
        yield "; ".join(f"{way}: {', '.join(names)}" for way, names in by_way.items() if names)
    if dry_run.away:
        yield describe_chunks(dry_run.away, {}, datetime.now(UTC), is_short=True)


def _build_rows(dry_run: DryRun) -> list[list[str]]:
    models = dry_run.checked_plan.plan.models
    return [
        [str(at), str(models[request.model].name), request.condition,
         str(request.query), str(request.sample), str(amount)]
        for at, (request, amount) in enumerate(dry_run.jobs, start=1)
    ]  # fmt: skip
