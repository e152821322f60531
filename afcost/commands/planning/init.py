"""`afcost init`: copy a built-in experiment into a folder."""

from __future__ import annotations

import os
import shlex
import shutil
from itertools import chain, count
from pathlib import Path

import click

from afcost.errors import Refused
from afcost.rendering import console as draw
from experiment.definition import (
    BUILTIN_SOURCE,
    BuiltinExperiment,
    find_builtin,
    list_builtins,
    load_experiment,
)
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
    try:
        _refuse_taken(folder, builtin)
        _copy(builtin.source, folder)
    except OSError as error:
        raise OSError(
            f"cannot copy the experiment to {folder}: {error.strerror}; nothing is kept there. "
            "Name a folder that can be made:  afcost init FOLDER"
        ) from error
    draw.print_text(
        draw.stdout(), f"Copied the {builtin.name} experiment to {folder}/. To estimate it:"
    )
    draw.print_text(draw.stdout(), f"  {_name_estimate(folder)}")


def _refuse_taken(folder: Path, builtin: BuiltinExperiment) -> None:
    """Refuse a folder that is not empty, and name the command to go on with.

    Raises:
        Refused: something is there.
    """
    if not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir())):
        return
    taken = "exists and is not empty" if folder.is_dir() else "exists and is not a folder"
    chosen = f" --from {builtin.name}" if builtin.source != BUILTIN_SOURCE else ""
    other = f"afcost init {shlex.quote(str(_find_free(folder, builtin.name)))}{chosen}"
    if (folder / _FILE).is_file():
        raise Refused(
            f"{folder} has an experiment already, which stays as it is. "
            f"To estimate that:  {_name_estimate(folder)}\nTo copy into another folder:  {other}"
        )
    raise Refused(f"{folder} {taken}. To copy into another folder:  {other}")


def _find_free(folder: Path, name: str) -> Path:
    """Return the path of a folder that is not there yet: in this one, or beside it."""
    inside = folder / name
    base = inside if folder.name in {"", ".."} else folder
    numbered = (base.with_name(f"{base.name}-{number}") for number in count(2))
    is_open = folder.is_dir() and not (folder / _FILE).exists()
    candidates = chain([inside] if is_open or base is inside else [], numbered)
    return next(each for each in candidates if not os.path.lexists(each))


def _name_estimate(folder: Path) -> str:
    return f"afcost estimate {shlex.quote(str(folder / _FILE))}"


def _copy(source: str, folder: Path) -> None:
    """Copy an experiment's file, the files that it uses, and prompts of judges to be added.

    Raises:
        OSError: they cannot be written; then nothing is left of them.
    """
    experiment = load_experiment(source)
    names = [
        *find_inserted_files(experiment),
        str(experiment.spec.queries.file),
        *_TO_BE_ADDED,
    ]
    was_there = folder.exists()
    try:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(experiment.folder / name, folder / name)
        shutil.copyfile(experiment.path, folder / _FILE)
    except OSError:
        _clear(folder, was_there=was_there)
        raise


def _clear(folder: Path, *, was_there: bool) -> None:
    """Remove what was copied into a folder that was empty, or not there."""
    if not was_there:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for each in folder.iterdir():
        if each.is_dir():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink(missing_ok=True)


def _print_list() -> None:
    out = draw.stdout()
    for each in list_builtins():
        draw.print_text(out, each.name)
        draw.print_text(out, f"  {each.about}")
