"""`afcost prices diff`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from afcost.commands.prices.shared import price
from afcost.options import today
from afcost.rendering import console as draw
from estimator.plan import plan_file as plans
from estimator.plan.plan import Plan
from estimator.user_dirs import price_folder
from estimator.workload.resolve_models import price_book, resolve_models
from experiment.definition.loader import load
from pricing.rates.rate_card import RateCard
from pricing.sources import fetched_lists as refreshed

_HEADER = ["model", "in", "out", "cached", "write"]
_CLASSES = ("input", "output", "cache_read", "cache_write")
_MOST = 30

Changes = Sequence[tuple[str, "RateCard | None", "RateCard | None"]]


@click.command("diff")
@click.argument("plan", required=False, type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Show every change.")
def command(*, plan: Path | None, everything: bool) -> None:
    """Compare today's prices with those that PLAN pins.

    Without a plan, show what the last `afcost prices update` changed in each fetched list.
    """
    if plan is not None:
        _against(plans.read(plan))
        return
    _last_update(None if everything else _MOST)


def _against(plan: Plan) -> None:
    experiment = load(plan.source, plan.changes)
    models = resolve_models(experiment, price_book(today(), experiment))
    now = datetime.now(UTC)
    changed: list[tuple[str, RateCard | None, RateCard | None]] = []
    for written in plan.models | models:
        pinned, today_is = plan.models.get(written), models.get(written)
        was = pinned.offer.at(now) if pinned else None
        new = today_is.offer.at(now) if today_is else None
        if was is None or new is None or not was.same_price(new):
            named = pinned or today_is
            changed.append((str(named.name) if named else written, was, new))
    if not changed:
        draw.say(draw.out(), f"All prices match those pinned in {plan.name}.")
    show_changes(changed)


def _last_update(most: int | None) -> None:
    folder, console = price_folder(), draw.out()
    tables = refreshed.read(folder)
    if not tables:
        draw.say(console, "No price list has been fetched yet; run `afcost prices update`.")
    for table in tables:
        before = refreshed.read_one(refreshed.before_of(folder, table.name))
        if before is None:
            draw.say(console, f"{table.name}: fetched once, on {table.checked}")
            continue
        changed = list(refreshed.changes(before, table, today()))
        days = f"{before.checked} to {table.checked}"
        draw.say(console, f"{table.name}: {days}, {spoken(changed)}", "bold")
        show_changes(changed, most)


def spoken(changed: Changes) -> str:
    """Say how many prices differ."""
    if not changed:
        return "nothing changed"
    return f"{len(changed):,} {'price differs' if len(changed) == 1 else 'prices differ'}"


def show_changes(changed: Changes, most: int | None = _MOST) -> None:
    """Print new prices, with the old ones in brackets; the largest rise on top."""
    if not changed:
        return
    console, ordered = draw.out(), sorted(changed, key=_rise, reverse=True)
    rows = [[name, *_cells(was, now)] for name, was, now in ordered[:most]]
    draw.table(console, _HEADER, rows)
    if most is not None and len(changed) > most:
        draw.say(console, f"and {len(changed) - most:,} more: afcost prices diff --all", "dim")


def _rise(change: tuple[str, RateCard | None, RateCard | None]) -> float:
    _, was, now = change
    if was is None or now is None:
        return 0.0
    return max(
        float(now.rate(name).base / was.rate(name).base) if was.rate(name).base else 0.0
        for name in ("input", "output")
    )


def _cells(was: RateCard | None, now: RateCard | None) -> list[str]:
    if was is None or now is None:
        rates = [getattr(was or now, name) for name in _CLASSES]
        return [f"{'gone' if now is None else 'new'} {price(rates[0])}", *map(price, rates[1:])]
    pairs = ((getattr(was, name), getattr(now, name)) for name in _CLASSES)
    return [price(new) if old == new else f"{price(new)} ({price(old)})" for old, new in pairs]
