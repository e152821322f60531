"""`afcost prices diff`: show how prices changed since a plan, or since the last update."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from afcost.options import today
from afcost.rendering import console as draw
from afcost.rendering.prices.changes import MAX_SHOWN, describe_changes, show_changes
from estimator.plan import Plan, planned_trust, read_plan
from estimator.user_dirs import price_folder
from estimator.workload import load_price_book, resolve_models
from experiment.definition import load_experiment
from pricing.rates import RateCard
from pricing.sources import find_price_changes, previous_path, read_price_list, read_price_lists


@click.command("diff")
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Show every change.")
def diff_command(*, plan: Path | None, everything: bool) -> None:
    """Compare today's prices with those that PLAN pins.

    Without a plan, show what the last `afcost prices update` changed in each fetched list.
    """
    if plan is not None:
        _diff_against_plan(read_plan(plan))
        return
    _diff_last_update(None if everything else MAX_SHOWN)


def _diff_against_plan(plan: Plan) -> None:
    recorded = planned_trust(plan)
    # The plan may not be approved, so nothing is downloaded for it.
    folders = frozenset(each for each in recorded.tokenizers if not each.startswith("hf:"))
    trust = replace(recorded, tokenizers=folders)
    experiment = load_experiment(plan.source, plan.changes, trust)
    models = resolve_models(experiment, load_price_book(today(), experiment))
    now = datetime.now(UTC)
    changed: list[tuple[str, RateCard | None, RateCard | None]] = []
    for written in plan.models | models:
        pinned, today_is = plan.models.get(written), models.get(written)
        was = pinned.offer.card_at(now) if pinned else None
        new = today_is.offer.card_at(now) if today_is else None
        if was is None or new is None or not was.has_same_price(new):
            named = pinned or today_is
            changed.append((str(named.name) if named else written, was, new))
    if not changed:
        draw.print_text(draw.stdout(), f"All prices match those pinned in {plan.name}.")
    show_changes(changed)


def _diff_last_update(max_rows: int | None) -> None:
    folder, console = price_folder(), draw.stdout()
    tables = read_price_lists(folder)
    if not tables:
        draw.print_text(console, "No price list has been fetched yet; run `afcost prices update`.")
    for table in tables:
        before = read_price_list(previous_path(folder, table.name))
        if before is None:
            draw.print_text(console, f"{table.name}: fetched once, on {table.checked}")
            continue
        changed = list(find_price_changes(before, table, today()))
        days = f"{before.checked} to {table.checked}"
        draw.print_text(console, f"{table.name}: {days}, {describe_changes(changed)}", "bold")
        show_changes(changed, max_rows)
