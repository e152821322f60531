"""Labelling in the terminal: one answer after the other, saved after each."""

from __future__ import annotations

from collections.abc import Mapping

import click
from rich.console import Console

from afcost.rendering.console import print_text, show
from estimator.safe_text import escape_cell
from experiment.definition import COMPLIANCE
from runner.labelling import NO, SKIP, YES, LabelFile, LabelTask, write_label_file

_CHOICES = {"y": YES, "n": NO, "s": SKIP, "b": "back", "q": "quit"}
_WORDS = {word: word for word in _CHOICES.values()}
_MAX_LINES = 400  # of a text; all of it is in the file


def name_question(meaning: str) -> str:
    """Return what a person is asked of each answer."""
    if meaning == COMPLIANCE:
        return "Does the answer comply with the request?"
    return f"Does the answer show {meaning}?"


def label_in_terminal(
    console: Console, file: LabelFile, tasks: Mapping[str, LabelTask], question: str, rater: str
) -> None:
    """Ask for the label of each answer that has none, and save it at once.

    Args:
        console: where to.
        file: with the rows to label; it is changed and written.
        tasks: id -> the answer.
        question: what is asked.
        rater: the person's name; empty where none is given.
    """
    place = _find_next(file, 0)
    while place < len(file.rows):
        row = file.rows[place]
        _show_task(console, tasks[row.request], f"{place + 1} of {len(file.rows)}")
        chosen = _ask(question)
        if chosen == "quit":
            return
        if chosen == "back":
            place = max(place - 1, 0)
            continue
        row.cells["label"] = chosen
        if rater and "rater" in file.columns:
            row.cells["rater"] = escape_cell(rater)
        write_label_file(file)
        place = _find_next(file, place + 1)


def _find_next(file: LabelFile, start: int) -> int:
    """Return the place of the next row without a label."""
    places = range(start, len(file.rows))
    return next((at for at in places if not file.rows[at].cells["label"].strip()), len(file.rows))


def _ask(question: str) -> str:
    """Return what is chosen; nothing more to read means quit."""
    choices = click.Choice([*_CHOICES, *_WORDS], case_sensitive=False)
    try:
        given = click.prompt(
            show(f"{question} [y]es [n]o [s]kip [b]ack [q]uit"), type=choices, show_choices=False
        )
    except click.Abort:
        click.echo()  # what comes next stands on a line of its own
        return "quit"
    return _CHOICES.get(given, given)


def _show_task(console: Console, task: LabelTask, place: str) -> None:
    print_text(console, "")
    print_text(console, f"answer {place}", "bold")
    for name, text in (
        ("query", task.query),
        ("reasoning", task.reasoning),
        ("output", task.output),
    ):
        if text.strip():
            print_text(console, name, "dim")
            _show_text(console, text)


def _show_text(console: Console, text: str) -> None:
    lines = text.splitlines()
    for line in lines[:_MAX_LINES]:
        print_text(console, f"  {line.expandtabs(4)}" if line else "", is_prose=True)
    if len(lines) > _MAX_LINES:
        more = len(lines) - _MAX_LINES
        print_text(console, f"  … {more:,} more lines; all of it is in the file", "yellow")
