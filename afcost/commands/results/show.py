"""`afcost show`: the transcripts of a run, page by page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from afcost.commands.results.guarded_calls import show_guarded_calls
from afcost.commands.results.pages import check_page
from afcost.rendering import console as draw
from afcost.rendering.answers.transcripts import (
    describe_rest,
    describe_selection,
    page_transcripts,
    write_json,
    write_json_lines,
    write_text,
)
from runner.gateway import is_guard_folder
from runner.ledger import Attempt
from runner.results.reading import (
    Transcript,
    open_transcripts,
    read_answer_filter,
)
from runner.run_folder import open_run_folder

_LIMIT = 20


@click.command("show")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--model", "models", multiple=True, metavar="NAME", help="Only of this model.")
@click.option(
    "--condition",
    "conditions",
    multiple=True,
    metavar="NAME",
    help="Only in this condition, or FACTOR=LEVEL.",
)
@click.option(
    "--query", "queries", multiple=True, metavar="QUERY", help="Its index, from 0, or a text in it."
)
@click.option(
    "--where",
    multiple=True,
    metavar="COLUMN=VALUE",
    help="Only queries with this value in a column of their file.",
)
@click.option("--sample", "samples", multiple=True, type=click.IntRange(0), help="From 0.")
@click.option(
    "--kind", "kinds", multiple=True, metavar="KIND", help="Of answers, such as text or refused."
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="JUDGE=VALUE",
    help="positive, negative, missing, or a value of the judge's own.",
)
@click.option(
    "--disagree", is_flag=True, help="Only where the proxy and the measure's judge disagree."
)
@click.option("--between", default="", metavar="A,B", help="Only where these two disagree.")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=_LIMIT,
    show_default=True,
    help="Transcripts on a page.",
)
@click.option("--page", type=click.IntRange(1), default=1, show_default=True, help="Which, from 1.")
@click.option("--prompt", is_flag=True, help="Show the whole prompt.")
@click.option(
    "--format",
    type=click.Choice(["text", "json", "jsonl"]),
    default="text",
    show_default=True,
    help="Output format; json and jsonl are for programs.",
)
def show_command(  # noqa: PLR0913 - one for each option
    *,
    run: Path,
    models: tuple[str, ...],
    conditions: tuple[str, ...],
    queries: tuple[str, ...],
    where: tuple[str, ...],
    samples: tuple[int, ...],
    kinds: tuple[str, ...],
    labels: tuple[str, ...],
    disagree: bool,
    between: str,
    limit: int,
    page: int,
    prompt: bool,
    format: str,  # noqa: A002 - the option's name
) -> None:
    """Page through what was sent and said in RUN, a run folder.

    An option that is given several times takes one or another; different options must all hold.
    Of a guarded program it shows the answers to its calls.
    """
    if is_guard_folder(run):
        show_guarded_calls(run, models, page, limit, format)
        return
    opened = open_run_folder(run)
    chosen = read_answer_filter(
        opened,
        models=models,
        conditions=conditions,
        queries=queries,
        where=where,
        samples=samples,
        kinds=kinds,
        labels=labels,
        disagree=disagree,
        between=between,
    )
    with open_transcripts(opened) as transcripts:
        found = transcripts.select(chosen)
        shown = _take_page(found, page, limit)
        first = (page - 1) * limit
        line = describe_selection(first, len(shown), len(found), transcripts.total)
        rest = describe_rest(first, len(shown), len(found), page)
        _write(line, transcripts.read(shown), rest, form=format, shows_prompt=prompt)


def _take_page(found: list[Attempt], page: int, limit: int) -> list[Attempt]:
    check_page(page, limit, len(found))
    return found[(page - 1) * limit : page * limit]


def _write(
    line: str, read: Iterable[Transcript], rest: str, *, form: str, shows_prompt: bool
) -> None:
    if form == "text":
        write = page_transcripts if draw.stdout().is_terminal else write_text
        write(line, read, rest, shows_prompt=shows_prompt)
        return
    draw.print_text(draw.stderr(), line)
    (write_json if form == "json" else write_json_lines)(read)
