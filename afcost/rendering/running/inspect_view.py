"""What `afcost inspect run` says of an evaluation, as its logs have it."""

from __future__ import annotations

from collections import Counter

from rich.console import Console

from afcost.rendering import console as draw
from runner.gateway import GuardedRun
from runner.inspected import EvaluationEnd, TaskEnd

_MOST_REASONS, _LONGEST = 3, 200


def show_evaluation(console: Console, end: EvaluationEnd, guarded: GuardedRun) -> None:
    """Say how many samples are complete, what their scores are, and what is missing and why."""
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
        higher = " with a higher --cap" if guarded.tally.samples_at_cap else ""
        said = f"What is missing is no result. Run it again{higher}: only that is run"
        draw.print_text(console, said, "yellow")


def _show_task(console: Console, task: TaskEnd) -> None:
    draw.print_text(
        console,
        f"{task.task} ({task.model}): {task.completed:,} of {task.total:,} samples complete, "
        f"status {task.status}",
        "bold",
    )
    for name, value in task.scores.items():
        draw.print_text(console, f"  {name} {value:.4g}, over the complete ones")
    reasons = Counter(each.split("\n")[0][:_LONGEST] for each in task.missing)
    for reason, count in reasons.most_common(_MOST_REASONS):
        draw.print_text(console, f"  {count:,} missing: {reason}", "yellow")
    if task.error:
        draw.print_text(console, f"  {task.error.splitlines()[0][:_LONGEST]}", "red")
    draw.print_text(console, f"  inspect view start --log-dir {task.log.parent}", "dim")
