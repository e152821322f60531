"""The plan that a program or an evaluation is started with: its file, its cap, its command."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from afcost.program_words import program_words
from afcost.rendering import console as draw
from estimator.recorded import ProgramPlan
from pricing.money import Money
from providers.secrets import redact_message
from runner.gateway import ApprovedProgram, GuardFolder
from runner.inspected import find_evaluation

_PLAN = ".json"  # what the name of its file ends with


def split_plan(before: tuple[str, ...]) -> tuple[Path | None, tuple[str, ...]]:
    """Return the file of a plan, if one stands before `--`, and the program.

    Args:
        before: the words before `--`; without one, they are the program.
    """
    program = program_words()
    if len(before) == 1 and before[0].endswith(_PLAN):
        return Path(before[0]), program
    return None, before + program


def find_cap(
    cap: Money | None,
    approved: ApprovedProgram | None,
    plan: str = "an approved plan before the --",
) -> Money:
    """Return the cap of a start.

    Args:
        cap: that was given.
        approved: plan, which has another.
        plan: how one is given, in words.

    Raises:
        click.UsageError: there is none, or there are two.
    """
    if approved is not None and cap is not None:
        raise click.UsageError(
            f"the cap of a plan is the approved one, {approved.approval.cap}; leave out --cap. "
            f"To raise it:  afcost approve {shlex.quote(str(approved.path))} --cap USD"
        )
    if approved is not None:
        return approved.approval.cap
    if cap is None:
        raise click.UsageError(f"expected --cap USD, or {plan}")
    return cap


def warn_of_other_command(path: Path, plan: ProgramPlan, folder: GuardFolder) -> None:
    """Say that another command is started than the one that was rehearsed.

    Raises:
        click.UsageError: the plan is of an evaluation, which another command starts.
    """
    if find_evaluation(plan.command) is not None:
        at = shlex.quote(f"{path}")
        raise click.UsageError(
            f"{path} is the plan of an evaluation; start it:  afcost inspect run TASK --plan {at}"
        )
    started = tuple(map(redact_message, folder.command))
    if folder.command and started != plan.command:
        said = f"afcost: the plan is of another command: {shlex.join(plan.command)}"
        draw.print_text(draw.stderr(), said, "yellow")
