"""`afcost batches`: list the batches of a run; have some cancelled, or give one up."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from afcost.consent import Consent, ask_consent
from afcost.errors import Refused
from afcost.rendering import console as draw
from afcost.rendering.running.batch_table import batches_to_json, show_batches
from pricing.money import Money
from runner.batch_desk import BatchDesk, list_batches, open_batch_desk
from runner.ledger import read_ledger
from runner.run_folder import RunFolder, open_run_folder


@click.command("batches")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text",
              show_default=True, help="Output format.")  # fmt: skip
@click.option("--cancel", is_flag=True,
              help="Ask providers to cancel batches NAME…, or all that are open.")  # fmt: skip
@click.option("--give-up", is_flag=True,
              help="End batch NAME, which no one can collect; its money is held.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Give it up without asking.")
def batches_command(  # noqa: PLR0913 - one argument for each option
    *,
    run: Path,
    names: tuple[str, ...],
    format_: str,
    cancel: bool,
    give_up: bool,
    yes: bool,
) -> None:
    """List the batches of RUN, a run folder, those that are open first.

    What a batch that is cancelled did until then is collected by the next `afcost run`, and
    paid; the rest is free. It may be cancelled also once the approval has ended, but not while
    the run goes on.
    """
    if cancel and give_up:
        raise click.UsageError("--cancel ends what a provider knows, --give-up what none tells of")
    if give_up and len(names) != 1:
        raise click.UsageError("--give-up takes the name of one batch")
    if names and not (cancel or give_up):
        raise click.UsageError("NAME is for --cancel and --give-up")
    opened = open_run_folder(run)
    if cancel or give_up:
        with open_batch_desk(opened) as desk:
            if give_up:
                _give_up(desk, names[0], yes=yes)
            else:
                _cancel(desk, names)
        return
    _list(opened, format_)


def _list(run: RunFolder, format_: str) -> None:
    with read_ledger(run.ledger_location, was_checked=True) as reader:
        found = list_batches(reader)
    if format_ == "json":
        click.echo(draw.show_json(batches_to_json(found)))
    else:
        show_batches(draw.stdout(), found, datetime.now(UTC))


def _cancel(desk: BatchDesk, names: tuple[str, ...]) -> None:
    notes = desk.find_open(names)
    if not notes:
        draw.print_text(draw.stdout(), "no batch is open")
        return
    found = asyncio.run(desk.cancel(notes))
    for note, said, _ in found:
        draw.print_text(draw.stdout(), f"{note.chunk}: {said}")
    if unasked := sum(not was_asked for *_, was_asked in found):
        batches = draw.format_count(unasked, "batch was", "batches were")
        raise Refused(f"{batches} not cancelled: they go on, and are billed")
    draw.print_text(draw.stdout(), "The next `afcost run` collects what they did.")


def _give_up(desk: BatchDesk, name: str, *, yes: bool) -> None:
    (note,) = desk.find_open([name])
    judged = asyncio.run(desk.find_why_to_keep(note))
    if not judged.may_go:
        raise Refused(f"{note.chunk} is not given up: {judged.why}")
    draw.print_text(draw.stdout(), f"{note.chunk}: {judged.why}")
    requests = draw.format_count(note.lines, "request", "requests")
    question = (
        f"Give it up? {Money(note.reserved)} at most stays held, as it may be billed, and its "
        f"{requests} are sent again."
    )
    ask_consent(question, [], Consent(yes, "--yes", {}))
    desk.give_up(note, judged.why)
    draw.print_text(draw.stdout(), f"{note.chunk} is given up, and its money is held.")
