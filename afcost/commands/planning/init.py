"""`afcost init`: copy a built-in experiment into a folder."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import click

from afcost.errors import Refused
from afcost.rendering import console as draw
from experiment.definition import BUILTIN_SOURCE, find_builtin, list_builtins, load_experiment
from experiment.prompts import find_inserted_files

_FILE = "experiment.yaml"

# Prompts that no built-in experiment asks, because they cost more than it: judges to be added.
_TO_BE_ADDED = ("prompts/judge.reasoning.md",)


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option(
    "--from", "name", metavar="NAME", default=BUILTIN_SOURCE, help="Built-in experiment to copy."
)
@click.option("--list", "lists", is_flag=True, help="List the built-in experiments.")
def init_command(folder: Path | None, name: str, *, lists: bool) -> None:
    """Copy a built-in experiment into FOLDER; default: a folder of its name.

    Its prompts and queries are copied too, all to be changed. `afcost estimate builtin:NAME`
    estimates one without copying it.
    """
    if lists:
        _print_list()
        return
    builtin = find_builtin(name)
    folder = folder or Path(builtin.name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} exists and is not empty; choose a new folder")
    _copy(builtin.source, folder)
    next_step = f"afcost estimate {shlex.quote(str(folder / _FILE))}"
    draw.print_text(
        draw.stdout(), f"Copied the {builtin.name} experiment to {folder}/. To estimate it:"
    )
    draw.print_text(draw.stdout(), f"  {next_step}")


def _copy(source: str, folder: Path) -> None:
    """Copy an experiment's file, the files that it uses, and prompts of judges to be added."""
    experiment = load_experiment(source)
    names = [
        *find_inserted_files(experiment),
        str(experiment.spec.queries.file),
        *_TO_BE_ADDED,
    ]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(experiment.folder / name, folder / name)
    shutil.copyfile(experiment.path, folder / _FILE)


def _print_list() -> None:
    out = draw.stdout()
    for each in list_builtins():
        draw.print_text(out, each.name)
        draw.print_text(out, f"  {each.about}")
