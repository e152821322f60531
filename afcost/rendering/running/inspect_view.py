"""What `afcost inspect run` says of an evaluation, as its logs have it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rich.console import Console

from afcost.rendering import console as draw
from afcost.rendering.command_lines import Advice, name_command, print_advice
from runner.gateway import ApprovedProgram, GuardedRun
from runner.inspected import EvaluationEnd, TaskEnd

_MOST_REASONS, _LONGEST = 3, 300
_AMOUNT = re.compile(r"\$\d[\d.,]*")  # by which reasons differ that are the same


def show_evaluation(
    console: Console, end: EvaluationEnd, guarded: GuardedRun, plan: ApprovedProgram | None = None
) -> None:
    """Say how many samples are complete, what their scores are, and what is missing and why.

    Args:
        console: to say it on.
        end: as the logs have it.
        guarded: the money.
        plan: that it was started with; None for none.
    """
    for each in end.tasks:
        _show_task(console, each)
    if end.kept:
        kept = draw.format_count(end.kept, "sample went", "samples went")
        said = f"afcost: {kept} on after a call was refused, and has a score that is no result"
        draw.print_text(console, said, "red")
    if not end.tasks and not guarded.end.problem:
        draw.print_text(console, "afcost: Inspect ended before it had written a log", "red")
    elif not end.was_begun:
        draw.print_text(console, "afcost: nothing was left to run")
    elif not end.is_whole:
        is_at_cap = guarded.tally.samples_at_cap or guarded.tally.at_cap
        higher = (" under a higher cap" if plan else " with a higher --cap") if is_at_cap else ""
        said = f"What is missing is no result. Run it again{higher}: only that is run"
        draw.print_text(console, said, "yellow")
        if plan and is_at_cap:
            raise_cap = f"{name_command('approve', plan.path)} --cap USD"
            print_advice(console, [Advice("To approve one", (raise_cap,))])


def _show_task(console: Console, task: TaskEnd) -> None:
    draw.print_text(
        console,
        f"{task.task} ({task.model}): {task.completed:,} of {task.total:,} samples complete, "
        f"status {task.status}",
        "bold",
    )
    for name, value in task.scores.items():
        draw.print_text(console, f"  {name} {value:.4g}, over the complete ones")
    for count, reason in _find_reasons(task.missing):
        draw.print_text(console, f"  {count:,} missing: {reason}", "yellow")
    if task.error:
        draw.print_text(console, f"  {task.error.splitlines()[0][:_LONGEST]}", "red")
    draw.print_text(console, f"  inspect view start --log-dir {task.log.parent}", "dim")


def _find_reasons(missing: Sequence[str]) -> list[tuple[int, str]]:
    """Return how many samples each reason left out, in the words of the last of them."""
    said = {_AMOUNT.sub("$", each): each for each in (m.split("\n")[0] for m in missing)}
    counts = Counter(_AMOUNT.sub("$", m.split("\n")[0]) for m in missing)
    found = [(n, said[key][:_LONGEST]) for key, n in counts.most_common(_MOST_REASONS)]
    rest = len(missing) - sum(n for n, _ in found)
    return [*found, (rest, "for other reasons, which the log has")] if rest else found
