"""The evaluation that a command is about: its name, and its plan."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from afcost.guard_options import read_prices
from afcost.guard_plan import find_cap
from afcost.options import today
from afcost.rendering import console as draw
from estimator.recorded import ProgramPlan, read_program_plan
from estimator.user_dirs import price_folder
from pricing.money import Money
from pricing.price_book import PriceBook
from pricing.sources import read_price_lists, read_user_prices
from providers.provider import Provider
from providers.secrets import redact_message
from runner.gateway import ApprovedProgram, check_program_plan
from runner.inspected import InspectOptions, find_evaluation

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Budget:
    """What an evaluation may spend.

    Attributes:
        cap: of all of its starts.
        book: its prices.
        approved: the plan that has this cap; None where the cap was given.
    """

    cap: Money
    book: PriceBook
    approved: ApprovedProgram | None


def name_evaluation(task: str) -> str:
    """Return the name of an evaluation: of its file, without what a folder's name may not have."""
    return _UNSAFE.sub("-", Path(task).stem).strip("-._")[:60] or "inspect"


def read_plan(path: Path, asked: InspectOptions) -> ProgramPlan:
    """Read the plan of an evaluation; say where it is of another one than the one that is asked.

    Raises:
        BadPlan: it cannot be read.
        click.UsageError: it is of another program.
    """
    plan = read_program_plan(path)
    if find_evaluation(plan.command) is None:
        raise click.UsageError(
            f"{path} is the plan of a program; start it:  afcost guard {shlex.quote(str(path))} "
            "-- COMMAND"
        )
    started = map(redact_message, asked.command)
    if sorted(started) != sorted(plan.command):  # the order of options says nothing
        said = f"afcost: the plan is of another evaluation: {shlex.join(plan.command)}"
        draw.print_text(draw.stderr(), said, "yellow")
    return plan


def find_budget(
    cap: Money | None,
    plan: ProgramPlan | None,
    path: Path | None,
    prices: Collection[str],
    providers: dict[str, Provider],
) -> Budget:
    """Return what an evaluation may spend, by its cap or by its approved plan.

    Raises:
        click.UsageError: it has neither, or both.
        NotApproved: the plan is not approved.
        StalePlan: the plan does not hold any more.
    """
    own = read_prices((*(plan.prices if plan else ()), *prices), providers)
    files = read_user_prices([Path.cwd()], [])
    book = PriceBook(today(), files, read_price_lists(price_folder()), own)
    approved = None
    if plan and path:
        approved = check_program_plan(path, plan, book, providers, datetime.now(UTC))
    return Budget(find_cap(cap, approved, "--plan FILE"), book, approved)
