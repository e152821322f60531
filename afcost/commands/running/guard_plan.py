"""The plan of `afcost guard PLAN -- COMMAND`."""

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


def find_cap(cap: Money | None, approved: ApprovedProgram | None) -> Money:
    """Return the cap of a start.

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
        raise click.UsageError("expected --cap USD, or an approved plan before the --")
    return cap


def warn_of_other_command(plan: ProgramPlan, folder: GuardFolder) -> None:
    """Say that another command is started than the one that was rehearsed."""
    started = tuple(map(redact_message, folder.command))
    if folder.command and started != plan.command:
        said = f"afcost: the plan is of another command: {shlex.join(plan.command)}"
        draw.print_text(draw.stderr(), said, "yellow")
