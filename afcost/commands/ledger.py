"""`afcost ledger`: every movement of a run's money, and what became of what is held."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from afcost.errors import Refused
from afcost.options import Amount
from afcost.rendering import console as draw
from estimator.atomic_write import write_whole
from pricing.money import Money
from runner.ledger.hash_chain import flaw
from runner.ledger.open import is_running, open_ledger, read_ledger
from runner.ledger.schema import balance
from runner.results.reconciliation import Resolution, by_export, by_hand
from runner.run_folder import Run, open_run

_HEADER = ["entry", "at", "what", "attempt", "allocated", "reserved", "settled", "held", "note"]
_NEWEST = 20
_ACCOUNTS = ("aside", "reserved", "settled", "held")
_KINDS = {"aside": "allocate", "free": "deallocate"}  # as they are shown


@click.command("ledger")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("action", required=False, type=click.Choice(["reconcile"]))
@click.option("--all", "everything", is_flag=True, help="Show all entries, not only the newest.")
@click.option("--format", type=click.Choice(["table", "csv", "jsonl"]), default="table")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Write all entries to a file."
)
@click.option(
    "--usage",
    type=click.Path(path_type=Path),
    help="The provider's calls: CSV with model, cost_usd.",
)
@click.option("--attempt", "attempts", multiple=True, help="Held attempt; may be repeated.")
@click.option("--billed", type=Amount(), help="Cost of each, in USD; 0 if it was not billed.")
@click.option("--reason", help="How you know; recorded in the ledger.")
def command(  # noqa: PLR0913 - one argument for each option
    *,
    run: Path,
    action: str | None,
    everything: bool,
    format: str,  # noqa: A002 - the option's name
    output: Path | None,
    usage: Path | None,
    attempts: tuple[str, ...],
    billed: Money | None,
    reason: str | None,
) -> None:
    """Show the ledger of RUN, a run folder, and check it for tampering.

    `afcost ledger RUN reconcile` resolves held amounts, which count as spent until then: from the
    provider's list of calls (--usage), or by hand (--billed, for --attempt or for all).
    """
    opened = open_run(run)
    if action == "reconcile":
        if (usage is None) == (billed is None) or not reason:
            raise click.UsageError("reconcile needs --reason, and either --usage or --billed")
        if usage is not None and attempts:
            raise click.UsageError("--attempt requires --billed; --usage applies to all holds")
        _reconciled(_resolve(opened, usage, list(attempts), billed, reason))
        return
    if usage or attempts or reason or billed is not None:
        raise click.UsageError("--usage, --attempt, --billed and --reason require reconcile")
    _show(opened, everything=everything, form=format, output=output)


def _show(run: Run, *, everything: bool, form: str, output: Path | None) -> None:
    with read_ledger(run.ledger) as connection:
        entries = [dict(row) for row in connection.execute("SELECT * FROM entry ORDER BY seq")]
        changed, money = flaw(connection), balance(connection)
    if output is not None and form == "table":
        form = "csv" if output.suffix == ".csv" else "jsonl"
    if form != "table":
        text = _csv(entries) if form == "csv" else _jsonl(entries)
        if output is None:
            click.echo(text, nl=False)
        else:
            write_whole(output, text)
    else:
        shown = entries if everything else entries[-_NEWEST:]
        draw.table(draw.out(), _HEADER, [_row(entry) for entry in shown], left=4)
        if len(shown) < len(entries):
            draw.say(draw.out(), f"the newest {len(shown)} of {len(entries):,} entries", "dim")
        titles = zip(_HEADER[4:8], _ACCOUNTS, strict=True)
        parts = [f"{title} {getattr(money, name)}" for title, name in titles]
        draw.say(draw.out(), f"{', '.join(parts)}; free {money.free} of the cap {money.cap}")
    if changed:
        raise Refused(f"{run.ledger}: {changed}")
    draw.say(draw.notes(), f"{len(entries):,} entries, none changed", "dim")


def _row(entry: dict[str, Any]) -> list[str]:
    money = [str(Money(entry[name])) if entry[name] else "" for name in _ACCOUNTS]
    at = entry["at"][:19].replace("T", " ")
    attempt = entry["attempt"] or entry["job"]
    kind = _KINDS.get(entry["kind"], entry["kind"])
    return [str(entry["seq"]), at, kind, attempt, *money, entry["note"][:60]]


def _exported(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        name: Money(value).exact() if name in _ACCOUNTS else value for name, value in entry.items()
    }


def _csv(entries: list[dict[str, Any]]) -> str:
    header = list(entries[0]) if entries else []
    return draw.as_csv(header, [list(_exported(entry).values()) for entry in entries])


def _jsonl(entries: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(_exported(entry), ensure_ascii=False) + "\n" for entry in entries)


def _resolve(
    run: Run, usage: Path | None, attempts: list[str], billed: Money | None, reason: str
) -> list[Resolution]:
    if run.ledger.is_shared and is_running(run.ledger):
        raise Refused(f"{run.ledger} is in use by running processes; wait until they end")
    with open_ledger(run.ledger) as ledger:
        ledger.recover()  # what a process that was killed was sending is held from now on
        if usage is not None:
            return by_export(ledger, run, usage, reason)
        assert billed is not None  # noqa: S101 - one of both was given
        return by_hand(ledger, attempts, billed, reason)


def _reconciled(done: list[Resolution]) -> None:
    console = draw.out()
    if not done:
        draw.say(console, "Nothing is held; nothing to reconcile.")
        return
    rows = [[each.attempt, str(each.held), str(each.billed)] for each in done]
    draw.table(console, ["attempt", "held", "billed"], rows)
    held, billed = (sum((getattr(e, n) for e in done), Money()) for n in ("held", "billed"))
    freed = max(held - billed, Money())
    holds = "1 hold" if len(done) == 1 else f"{len(done):,} holds"
    draw.say(console, f"{holds} of {held} resolved: {billed} billed, {freed} freed")
