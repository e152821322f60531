"""What `afcost run --dry-run` found: the checks, and the first requests."""

from __future__ import annotations

from afcost.rendering import console as draw
from runner.launch import DryRun

_HEADER = ["order", "model", "condition", "query", "sample", "worst case, with judges"]


def show_dry_run(dry_run: DryRun) -> None:
    """Print the results of the checks, and the first requests of a run."""
    console, checked = draw.stdout(), dry_run.checked_plan
    plan = checked.plan
    draw.print_text(console, f"{plan.name}: ready to run; nothing was sent", "bold")
    draw.print_text(console, "  checked: files, prices, context windows, approval")
    for each in dry_run.provider_checks:
        draw.print_text(console, f"  {each.message}", "yellow" if each.missing_models else "")
    left = plan.request_count - dry_run.answered
    draw.print_text(
        console,
        f"  {left:,} of {plan.request_count:,} requests remaining; worst-case cost "
        f"{checked.verified.ceiling}, cap {checked.approval.cap}",
    )
    draw.print_text(console, f"  run folder {checked.folder}")
    if dry_run.jobs:
        draw.print_table(console, _HEADER, _build_rows(dry_run), left_columns=3)


def _build_rows(dry_run: DryRun) -> list[list[str]]:
    models = dry_run.checked_plan.plan.models
    return [
        [str(at), str(models[request.model].name), request.condition,
         str(request.query), str(request.sample), str(amount)]
        for at, (request, amount) in enumerate(dry_run.jobs, start=1)
    ]  # fmt: skip
