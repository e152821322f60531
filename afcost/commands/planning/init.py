"""`afcost init`: copy the built-in experiment into a folder."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import click

from afcost.errors import Refused
from afcost.rendering import console as draw
from experiment.definition import builtin_folder


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path), default="alignment-faking")
def init_command(folder: Path) -> None:
    """Copy the built-in experiment into FOLDER; default: alignment-faking."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} exists and is not empty; choose a new folder")
    shutil.copytree(builtin_folder(), folder, dirs_exist_ok=True)
    next_step = f"afcost estimate {shlex.quote(str(folder / 'experiment.yaml'))}"
    draw.print_text(
        draw.stdout(), f"Copied the alignment-faking experiment to {folder}/. To estimate it:"
    )
    draw.print_text(draw.stdout(), f"  {next_step}")
