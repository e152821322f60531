"""`afcost import`: make a run folder of the answers in other people's files."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import yaml
from pydantic import ValidationError

from afcost.options import StudyName, today
from afcost.rendering import console as draw
from experiment.definition import MAX_NAME, AnswerFormat, parse_yaml
from experiment.file_access import MAX_TEXT_BYTES, read_user_file
from runner.imports import (
    FORMAT_NAMES,
    Imported,
    ImportOptions,
    describe_factors,
    import_answers,
    write_usage,
)

_MAP_FIELDS = {"format", "map", "model", "answer", "samples"}


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE…",
                type=click.Path(path_type=Path))  # fmt: skip
@click.option("--study", type=StudyName(), help="Name of the study; default: of the first file.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR",
              help="Run folder; default: runs/STUDY.")  # fmt: skip
@click.option("--map", "columns", multiple=True, metavar="PART=COLUMN|FILE.yaml",
              help="Which column is what: answer, query, model, reasoning, tier, sample, …; any "
              "other name is a factor. Or a YAML file with `map:`. May be repeated.")  # fmt: skip
@click.option("--format", "format_", type=click.Choice(FORMAT_NAMES),
              help="Format of the files; default: recognised by their fields.")  # fmt: skip
@click.option("--model", metavar="NAME", help="Model that wrote all of the answers.")
@click.option("--samples", is_flag=True,
              help="Several answers to a query in a condition are its samples.")  # fmt: skip
@click.option("--history", type=click.Path(path_type=Path), metavar="FILE.csv",
              help="Also write the token counts, for `afcost estimate --history`.")  # fmt: skip
def import_command(  # noqa: PLR0913 - one argument for each option
    *,
    files: tuple[Path, ...],
    study: str | None,
    output: Path | None,
    columns: tuple[str, ...],
    format_: str | None,
    model: str | None,
    samples: bool,
    history: Path | None,
) -> None:
    """Read the answers in FILEs and make a run folder of them, to report, export and judge.

    FILE is csv, jsonl, json or an Inspect log, or `-` for what comes on standard input. All of it
    is read, or nothing is kept. Nothing is sent, and no key or price is needed.
    """
    said = _read_map(columns)
    options = ImportOptions(
        format=format_ or said.get("format", ""),
        columns=said["map"],
        model=model or said.get("model", ""),
        answer_format=said.get("answer") or {},
        repeats_are_samples=samples or bool(said.get("samples")),
    )
    name = study or (output.name if output else _name_study(files[0]))
    with _spool_stdin(files) as paths:
        imported = import_answers(paths, output or Path("runs") / name, name, today(), options)
    _show(imported)
    if history:
        count = write_usage(imported.answers, history, today())
        draw.print_text(draw.stderr(), f"Wrote the tokens of {count:,} answers to {history}.")


@contextmanager
def _spool_stdin(files: tuple[Path, ...]) -> Iterator[tuple[Path, ...]]:
    """Give a file in the place of `-`, with all of standard input: it is read more than once."""
    if Path("-") not in files:
        yield files
        return
    with tempfile.TemporaryDirectory(prefix="afcost-import-") as folder:
        path = Path(folder) / "stdin"
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield tuple(path if each == Path("-") else each for each in files)


def _read_map(given: tuple[str, ...]) -> dict[str, Any]:
    """Return what the options, and files that they name, say of the columns."""
    said: dict[str, Any] = {"map": {}}
    for each in given:
        part, equals, column = each.partition("=")
        if equals and part and column:
            said["map"][part.strip()] = column.strip()
        elif Path(each).suffix in {".yaml", ".yml"}:
            read = _read_map_file(Path(each))
            said |= read | {"map": read.get("map", {}) | said["map"]}
        else:
            raise click.UsageError(f"--map {each}: expected PART=COLUMN, or a YAML file")
    return said


def _read_map_file(path: Path) -> dict[str, Any]:
    try:
        said, _ = parse_yaml(read_user_file(path, MAX_TEXT_BYTES).decode("utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        why = getattr(error, "strerror", None) or error
        raise click.UsageError(f"cannot read --map {path}: {why}") from error
    if fault := _find_map_fault(said):
        raise click.UsageError(f"--map {path}: {fault}")
    columns = said.get("map") or {}
    return {**said, "map": {str(part): str(column) for part, column in columns.items()}}


def _find_map_fault(said: Any) -> str:  # noqa: ANN401 - a file's own
    """Return what is wrong with the fields of a map file; empty where nothing is."""
    known = f"known fields: {', '.join(sorted(_MAP_FIELDS))}"
    if not isinstance(said, dict):
        return f"expected fields; {known}"
    if unknown := [str(name) for name in said if name not in _MAP_FIELDS]:
        return f"unknown field {unknown[0]}; {known}"
    if not isinstance(said.get("map") or {}, dict):
        return "map: expected fields, such as map: {answer: response, query: goal}"
    if said.get("format") and said["format"] not in FORMAT_NAMES:
        return f"format: {said['format']!r} is not known; known: {', '.join(FORMAT_NAMES)}"
    try:
        AnswerFormat.model_validate(said.get("answer") or {})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(["answer", *map(str, first["loc"])])
        is_unknown = first["type"] == "extra_forbidden"
        names = f"unknown field; known fields: {', '.join(AnswerFormat.model_fields)}"
        return f"{place}: {names if is_unknown else first['msg']}"
    return ""


def _name_study(path: Path) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("-._")[:MAX_NAME]
    return name or "imported"


def _show(imported: Imported) -> None:
    """Print what was found, and what can be done with it."""
    console, answers = draw.stdout(), imported.answers
    missing = sum(each.found.text is None for each in answers.answers)
    draw.print_text(console, f"Imported {len(answers.answers):,} answers.", "bold")
    for line in (
        *(f"{file}: format {name}" for file, name in imported.formats.items()),
        f"models: {', '.join(answers.models)}",
        f"factors: {describe_factors(answers)}",
        f"queries: {len(answers.queries):,}, samples of each: up to {answers.samples:,}",
        *([f"without an answer: {missing:,}, which count as missing"] if missing else ()),
    ):
        draw.print_text(console, f"  {line}")
    folder = shlex.quote(str(imported.folder))
    draw.print_text(console, f"See the result:  afcost report {folder}")
    draw.print_text(console, f"Judge them:      afcost rejudge {folder} --judge FILE")
