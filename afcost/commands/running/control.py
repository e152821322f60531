"""`afcost pause`, `resume`, `stop`: ask the processes that execute a run to wait, go on, or end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.text import Text

from afcost.errors import Refused
from afcost.rendering import console as draw
from afcost.rendering.command_lines import name_command, shorten_path
from afcost.rendering.next_step import find_place
from runner.control import ask_to_pause, ask_to_resume, ask_to_stop, open_notes
from runner.ledger import is_running, read_ledger
from runner.run_folder import RunFolder, open_run_folder

_RUN = click.argument("run", type=click.Path(path_type=Path))


@click.command("pause")
@_RUN
def pause_command(run: Path) -> None:
    """Let RUN, a run folder, send nothing more until it is resumed.

    What is in flight comes in and is paid; what is allocated stays allocated. On a shared ledger
    all processes pause. It holds until `afcost resume`, also if the run is started again.
    """
    opened = _open_running(run, "pause")
    with open_notes(opened.ledger_location) as notes:
        is_new = ask_to_pause(notes, datetime.now(UTC))
    said = "sends nothing more, within a second" if is_new else "was paused already"
    _say(f"{run} {said}.", f"To go on:  {name_command('resume', run)}")


@click.command("resume")
@_RUN
def resume_command(run: Path) -> None:
    """Let RUN, a run folder that was paused, go on.

    A run that was stopped, or that ended, goes on with `afcost run PLAN`.
    """
    opened = open_run_folder(run)
    with open_notes(opened.ledger_location) as notes:
        was_paused = ask_to_resume(notes)
    if not was_paused:
        raise Refused(f"{run} is not paused; to run it, or to continue it:  {_name_run(opened)}")
    if is_running(opened.ledger_location):
        _say(f"{run} goes on within a second.")
    else:
        _say(f"{run} is no longer paused, but nothing runs it.", f"To run it:  {_name_run(opened)}")


@click.command("stop")
@_RUN
def stop_command(run: Path) -> None:
    """End RUN, a run folder, as Ctrl-C does: what is in flight comes in, and is judged.

    On a shared ledger all processes end. `afcost run PLAN` continues it later.
    """
    opened = _open_running(run, "stop")
    with open_notes(opened.ledger_location) as notes:
        ask_to_stop(notes)
    _say(
        f"{run} ends once what is in flight has come in.",
        f"To continue it later:  {_name_run(opened)}",
    )


def _name_run(run: RunFolder) -> str:
    """Return the command that runs the plan that was run last there; PLAN where it is not known."""
    with read_ledger(run.ledger_location) as reader:
        plan = Path(reader.plan_file() or "PLAN")
    return name_command("run", shorten_path(plan), *find_place(run))


def _open_running(run: Path, what: str) -> RunFolder:
    """Open a run folder that a process executes now.

    Raises:
        Refused: none does.
    """
    opened = open_run_folder(run)
    if not is_running(opened.ledger_location):
        raise Refused(f"{run} is not running; there is nothing to {what}")
    return opened


def _say(*lines: str) -> None:
    """Print lines whole, so that a command in them can be copied."""
    for line in lines:
        draw.stdout().print(Text(draw.show(line)), soft_wrap=True)
