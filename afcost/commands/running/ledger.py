"""`afcost ledger`: show every entry of a run's ledger, reconcile held amounts, accept a restore."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import click

from afcost.errors import Refused
from afcost.options import NonNegativeDollars
from afcost.rendering import console as draw
from afcost.rendering.resolutions_view import show_resolutions, show_unbooked
from estimator.atomic_write import write_atomically
from estimator.safe_text import dump_json
from pricing.money import Money
from runner.gateway import is_guard_folder, open_guard_folder
from runner.ledger import (
    Entry,
    accept_restored_ledger,
    is_running,
    open_ledger,
    read_ledger,
)
from runner.results import (
    LedgerFolder,
    Resolution,
    find_unbooked_costs,
    resolve_from_usage_export,
    resolve_manually,
)
from runner.run_folder import open_run_folder

_HEADER = ["entry", "at", "what", "attempt", "allocated", "reserved", "settled", "held", "note"]
_MAX_SHOWN = 20
_ACCOUNTS = ("aside", "reserved", "settled", "held")
_KINDS = {"aside": "allocate", "free": "deallocate"}  # as they are shown


@click.command("ledger")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("action", required=False, type=click.Choice(["reconcile", "accept-restored"]))
@click.option("--all", "everything", is_flag=True, help="Show all entries, not only the newest.")
@click.option(
    "--format",
    type=click.Choice(["table", "csv", "jsonl"]),
    default="table",
    show_default=True,
    help="Output format.",
)
@click.option(
    "--raw", is_flag=True, help="For programs: leave CSV cells that look like formulas as they are."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write all entries to this file."
)
@click.option(
    "--usage",
    type=click.Path(path_type=Path),
    help="The provider's list of calls: CSV with the columns model, cost_usd.",
)
@click.option(
    "--attempt",
    "attempts",
    multiple=True,
    metavar="ID",
    help="Held attempt to resolve; may be repeated.",
)
@click.option(
    "--billed",
    type=NonNegativeDollars(),
    help="Cost of each held attempt in USD; 0 if it was not billed.",
)
@click.option("--reason", help="How you know; recorded in the ledger.")
def ledger_command(  # noqa: PLR0913 - one argument for each option
    *,
    run: Path,
    action: str | None,
    everything: bool,
    format: str,  # noqa: A002 - the option's name
    raw: bool,
    output: Path | None,
    usage: Path | None,
    attempts: tuple[str, ...],
    billed: Money | None,
    reason: str | None,
) -> None:
    """Show the ledger of RUN, a folder of a run or a guarded program, and check it for tampering.

    `afcost ledger RUN reconcile` resolves held amounts, which count as spent until then: from the
    provider's list of calls (--usage), or by hand (--billed, for --attempt or for all).

    `afcost ledger RUN accept-restored` continues an older copy of a ledger whose newest copy is
    lost: what is missing from it counts as spent.
    """
    opened = _open_folder(run)
    if action == "reconcile":
        if (usage is None) == (billed is None) or not reason:
            raise click.UsageError("reconcile needs --reason, and either --usage or --billed")
        if usage is not None and attempts:
            raise click.UsageError("--attempt requires --billed; --usage applies to all holds")
        show_resolutions(_resolve_holds(opened, usage, list(attempts), billed, reason))
        if usage is not None:
            show_unbooked(find_unbooked_costs(opened, usage), usage)
        return
    if usage or attempts or reason or billed is not None:
        raise click.UsageError("--usage, --attempt, --billed and --reason are options of reconcile")
    if action == "accept-restored":
        lost = accept_restored_ledger(opened.ledger_location)
        draw.print_text(
            draw.stdout(),
            f"{lost} is missing from this copy and counts as spent from now on. Start it again to "
            "continue.",
        )
        return
    _show_entries(opened, everything=everything, output_format=format, output=output, raw=raw)


def _open_folder(run: Path) -> LedgerFolder:
    return open_guard_folder(run) if is_guard_folder(run) else open_run_folder(run)


def _show_entries(
    run: LedgerFolder, *, everything: bool, output_format: str, output: Path | None, raw: bool
) -> None:
    with read_ledger(run.ledger_location) as reader:
        entries = list(reader.entries())
        changed, money = reader.find_tampering(), reader.balance()
    if output is not None and output_format == "table":
        output_format = "csv" if output.suffix == ".csv" else "jsonl"
    if output_format != "table":
        text = _render_csv(entries, raw=raw) if output_format == "csv" else _render_jsonl(entries)
        if output is None:
            click.echo(text, nl=False)
        else:
            write_atomically(output, text)
    else:
        shown = entries if everything else entries[-_MAX_SHOWN:]
        draw.print_table(
            draw.stdout(), _HEADER, [_format_entry(entry) for entry in shown], left_columns=4
        )
        if len(shown) < len(entries):
            draw.print_text(
                draw.stdout(), f"the newest {len(shown)} of {len(entries):,} entries", "dim"
            )
        titles = zip(_HEADER[4:8], _ACCOUNTS, strict=True)
        parts = [f"{title} {getattr(money, name)}" for title, name in titles]
        draw.print_text(
            draw.stdout(), f"{', '.join(parts)}; free {money.free} of the cap {money.cap}"
        )
    if changed:
        raise Refused(f"{run.ledger_location}: {changed}")
    draw.print_text(draw.stderr(), f"{len(entries):,} entries, none changed", "dim")


def _format_entry(entry: Entry) -> list[str]:
    amounts: list[Money] = [getattr(entry, name) for name in _ACCOUNTS]
    money = [str(amount) if amount else "" for amount in amounts]
    at = entry.at[:19].replace("T", " ")
    kind = _KINDS.get(entry.kind, entry.kind)
    note = "; ".join(entry.note.splitlines())[:60]
    return [str(entry.seq), at, kind, entry.attempt or entry.job, *money, note]


def _export_entry(entry: Entry) -> dict[str, str | int | None]:
    values = {field.name: getattr(entry, field.name) for field in fields(Entry)}
    return {
        name: value.to_decimal_string() if isinstance(value, Money) else value
        for name, value in values.items()
    }


def _render_csv(entries: list[Entry], *, raw: bool) -> str:
    header = [field.name for field in fields(Entry)] if entries else []
    rows = [
        ["" if value is None else str(value) for value in _export_entry(entry).values()]
        for entry in entries
    ]
    return draw.format_csv(header, rows, raw=raw)


def _render_jsonl(entries: list[Entry]) -> str:
    return "".join(dump_json(_export_entry(entry)) + "\n" for entry in entries)


def _resolve_holds(
    run: LedgerFolder, usage: Path | None, attempts: list[str], billed: Money | None, reason: str
) -> list[Resolution]:
    if run.ledger_location.is_shared and is_running(run.ledger_location):
        raise Refused(f"{run.ledger_location} is in use by running processes; wait until they end")
    with open_ledger(run.ledger_location, run.path) as ledger:
        ledger.recover_work()  # what a process that was killed was sending is held from now on
        if usage is not None:
            return resolve_from_usage_export(ledger, run, usage, reason)
        assert billed is not None  # noqa: S101 - one of both was given
        return resolve_manually(ledger, attempts, billed, reason)
