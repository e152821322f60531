"""`afcost show` for the folder of a guarded program."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import click

from afcost.commands.results.pages import check_page
from afcost.given_options import refuse_options_but
from afcost.rendering import console as draw
from afcost.rendering.answers.guarded_calls import call_to_json, list_lines
from afcost.rendering.pager import page_text
from estimator.safe_text import dump_json
from providers.secrets import redact_values
from runner.gateway import open_guard_folder, read_calls
from runner.ledger import AnsweredCall


def show_guarded_calls(
    path: Path, models: Collection[str], page: int, limit: int, form: str
) -> None:
    """Show a page of a program's answered calls.

    Args:
        path: of its folder.
        models: only of these; empty for all.
        page: which, from 1.
        limit: calls on a page.
        form: `text`, `json` or `jsonl`.
    """
    why = "is not for a guarded program: its calls are chosen by --model, and have no prompts"
    refuse_options_but({"models", "page", "limit", "format"}, why)
    first, shown, found = (page - 1) * limit, list[AnsweredCall](), 0
    for found, call in enumerate(read_calls(open_guard_folder(path), models), start=1):
        if first < found <= first + limit:
            shown.append(call)
    check_page(page, limit, found)
    if form == "text":
        _write_text(first, shown, found, page)
    elif form == "json":
        click.echo(draw.show_json([call_to_json(each) for each in shown]))
    else:
        for each in shown:
            click.echo(dump_json(redact_values(call_to_json(each))))


def _write_text(first: int, shown: list[AnsweredCall], found: int, page: int) -> None:
    of = f"calls {first + 1:,} to {first + len(shown):,} of {found:,}" if shown else "no calls yet"
    lines = [of]
    for number, call in enumerate(shown, start=first + 1):
        lines += list_lines(number, call)
    if rest := found - first - len(shown):
        lines += ["", f"{rest:,} more: --page {page + 1}"]
    text = "\n".join(lines) + "\n"
    if draw.stdout().is_terminal:
        page_text([text])
    else:
        click.echo(text, nl=False)
