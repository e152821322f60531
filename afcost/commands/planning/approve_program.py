"""`afcost approve` of the plan of a program."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from afcost.consent import Consent, ask_consent, find_current_user
from afcost.options import AddedDollars, today
from afcost.rendering import console as draw
from afcost.rendering.command_lines import Advice, print_advice
from afcost.rendering.estimate.program_view import name_start, show_program_figures
from estimator.recorded import read_program_plan
from estimator.user_dirs import price_folder
from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.sources import read_price_flags, read_price_lists, read_user_prices
from providers.registry import builtin_providers
from runner.approval import Approval
from runner.gateway import (
    GuardFolder,
    approve_program,
    check_prices,
    choose_guard_folder,
    find_newest_program_cap,
)
from runner.ledger import ledger_exists, read_ledger


def approve_program_plan(
    path: Path, cap: Money | AddedDollars, run_dir: Path | None, consent: Consent
) -> None:
    """Show a program's plan, ask for confirmation, and record the approval.

    Args:
        path: of the plan.
        cap: of all of its starts.
        run_dir: the program's folder; None for the default.
        consent: how the user gives it.
    """
    plan, now = read_program_plan(path), datetime.now(UTC)
    files = read_user_prices([Path.cwd()], [])
    own = read_price_flags(plan.prices)
    book = PriceBook(today(), files, read_price_lists(price_folder()), own)
    needed = check_prices(plan, book, builtin_providers(), now)
    place = run_dir or Path("runs") / plan.study
    folder = choose_guard_folder(place, plan.study, plan.command)
    console = draw.stdout()
    show_program_figures(console, plan)
    total = cap
    if isinstance(total, AddedDollars):
        newest = find_newest_program_cap(plan, path, folder)
        total = total.add_to(newest or Money())
    chance = plan.total.chance_above(total.as_float)
    draw.print_text(console, f"  cap {total}; the chance of costing more: {chance:.0%}")
    if spent := _find_spent(folder):
        draw.print_text(console, f"  {folder.path} counts {spent} as spent already")
        if total < spent:
            draw.print_text(console, "  The cap is below that: nothing more will be sent", "yellow")
    for warning in plan.warnings:
        draw.print_text(draw.stderr(), f"warning: {warning}", "yellow")
    asked = f"Approve spending up to {total} for all starts of the program?"
    ask_consent(asked, needed, consent)
    confirmed = tuple(each.line for each in needed)
    approval = Approval(plan.digest, total, find_current_user(), now, confirmed=confirmed)
    approve_program(plan, path, approval)
    start = name_start(plan, path, run_dir)
    print_advice(console, [Advice("Approved. To run it", (start,))])


def _find_spent(folder: GuardFolder) -> Money:
    """Return what the ledger of a program counts as spent."""
    location = folder.ledger_location
    if not ledger_exists(location):
        return Money()
    with read_ledger(location) as reader:
        return reader.balance().spent
