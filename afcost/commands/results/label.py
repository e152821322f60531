"""`afcost label`: draw answers to label by hand."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from afcost.rendering import console as draw
from afcost.rendering.answers.labelling import label_in_terminal, name_question
from experiment.analysis import choose_measure
from runner.labelling import Draw, DrawnSample, draw_label_file, list_tasks
from runner.run_folder import open_run_folder

_FILE = "labels.csv"
_MAX_COUNT = 100_000


@click.command("label")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--judge",
    metavar="NAME",
    help="Draw by this judge's verdicts, or by `proxy`; default: what measures the result.",
)
@click.option(
    "-n",
    "--count",
    type=click.IntRange(1, _MAX_COUNT),
    help="How many answers the file has in all; default: 50, or as many as it has by now.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the draw.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The label file; default: labels.csv in the run folder.",
)
@click.option("--ask", is_flag=True, help="Label here, one answer after the other.")
@click.option("--rater", default="", metavar="NAME", help="Your name, kept beside your labels.")
@click.option(
    "--without-reasoning", is_flag=True, help="Leave out the reasoning, which may name a condition."
)
def label_command(  # noqa: PLR0913 - one argument for each option
    *,
    run: Path,
    judge: str | None,
    count: int | None,
    seed: int,
    output: Path | None,
    ask: bool,
    rater: str,
    without_reasoning: bool,
) -> None:
    """Draw answers of RUN, a run folder, to label by hand.

    As many are drawn of each model and verdict, in an order that says nothing. The file does not
    say of which model or condition an answer is, nor what a judge said. To go on, call it again.
    """
    opened, path = open_run_folder(run), output or run / _FILE
    chosen = Draw(
        judge or choose_measure(opened.spec), count, seed, with_reasoning=not without_reasoning
    )
    sample = draw_label_file(opened, path, chosen)
    console, question = draw.stdout(), name_question(sample.meaning)
    _show_drawn(sample)
    if ask:
        tasks = list_tasks(opened, sample.file)
        if without_reasoning:
            tasks = {request: task.without_reasoning() for request, task in tasks.items()}
        label_in_terminal(console, sample.file, tasks, question, rater)
    again = _write_again(run, judge=judge, path=output, rater=rater, bare=without_reasoning)
    report = f"afcost report {_quote(run)} --labels {_quote(path)}"
    _show_next(sample, question, again, report)


def _write_again(run: Path, *, judge: str | None, path: Path | None, rater: str, bare: bool) -> str:
    """Return the command line that goes on labelling the same file in the same way."""
    options = {"--judge": judge or "", "-o": str(path or ""), "--rater": rater}
    given = [f" {name} {_quote(value)}" for name, value in options.items() if value]
    without = " --without-reasoning" if bare else ""
    return f"afcost label {_quote(run)}{''.join(given)}{without} --ask"


def _quote(value: Path | str) -> str:
    return shlex.quote(str(value))


def _show_drawn(sample: DrawnSample) -> None:
    rows = len(sample.file.rows)
    draw.print_text(
        draw.stderr(),
        f"{sample.file.path}: {rows:,} of {sample.available:,} answers, {sample.added:,} of them "
        f"new, {rows - sample.unlabelled:,} labelled",
    )


def _show_next(sample: DrawnSample, question: str, goes_on: str, report: str) -> None:
    """Say what to do next, with the command lines for it."""
    console, rows = draw.stdout(), len(sample.file.rows)
    if sample.unlabelled:
        have = "answer has" if sample.unlabelled == 1 else "answers have"
        draw.print_text(console, f"{sample.unlabelled:,} {have} no label. {question}")
        where = f"the column `label` of {sample.file.path}"
        draw.print_text(console, f"Write yes, no or skip into {where}, or label here:  {goes_on}")
    if sample.unlabelled < rows:
        draw.print_text(console, f"Then:  {report}")
