"""`afcost reproduce`: plan the experiment of a run again, and say whether it is the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from afcost.errors import DONE, ERROR
from afcost.options import today
from afcost.rendering import console as draw
from runner.reproduction import Reproduction, reproduce_run
from runner.run_folder import open_run_folder


@click.command("reproduce")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Write the experiment and its plan into this new folder.",
)
@click.option(
    "--format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="Output format.",
)
def reproduce_command(
    *,
    run: Path,
    output: Path | None,
    format: str,  # noqa: A002 - the option's name
) -> int:
    """Plan the experiment of RUN, a run folder, again; say whether it is the same.

    The experiment is written from what the run folder keeps. It is the same if the same requests
    would go to the same models at the same prices; else the exit code is 1. Nothing is sent, and
    no key is needed.
    """
    opened = open_run_folder(run)
    with TemporaryDirectory() as scratch:
        made = reproduce_run(opened, output or Path(scratch) / "experiment", today())
        if format == "json":
            click.echo(draw.show_json(made.to_json()))
        else:
            _show(made, is_kept=output is not None)
    return DONE if made.is_same else ERROR


def _show(made: Reproduction, *, is_kept: bool) -> None:
    out = draw.stdout()
    if made.is_same:
        draw.print_text(out, "The same: its requests, files, models and prices.", "bold")
    else:
        draw.print_text(out, "Not the same:", "bold")
    for line in made.differences:
        draw.print_text(out, f"- {line}")
    for line in made.notes:
        draw.print_text(out, f"note: {line}")
    draw.print_text(out, f"requests {made.then[:16]}, now {made.now[:16] or 'not made'}")
    if is_kept and made.plan is not None:
        draw.print_text(out, f"Wrote the experiment to {made.folder}/, and its plan {made.plan}.")
