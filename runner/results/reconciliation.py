"""Reconciling held amounts, from a provider's usage export or by hand.

A provider's export says what all calls of a model cost. What it says beyond what the answered calls
were booked at, is what the held attempts cost: they are charged in their order, each up to what is
held for it, and the rest is free again. An export that says less than was booked frees all of them.
What it says beyond all of that was billed and not booked: `find_unbooked_costs`.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from pricing.money import Money
from runner.errors import BadRun
from runner.ledger import Ledger, Location, read_ledger

_ROUNDING = 10**10  # pico-dollars: exports are rounded to cents
_NOTABLE_SHARE = 100  # one part of so many


class LedgerFolder(Protocol):
    """A folder with a ledger: of a run, or of a guarded program."""

    @property
    def path(self) -> Path:
        """Where it is."""

    @property
    def ledger_location(self) -> Location:
        """The location of its ledger."""

    def billed_names(self) -> Mapping[str, str]:
        """Return the names that a provider's bill may have for each model -> as the ledger's."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a held attempt cost in the end.

    Attributes:
        attempt: its id.
        held: what was held for it.
        billed: what it cost.
    """

    attempt: str
    held: Money
    billed: Money


def resolve_manually(
    ledger: Ledger, attempts: list[str], billed: Money, reason: str
) -> list[Resolution]:
    """Resolve held attempts at a cost that the user states for each.

    Args:
        ledger: open for writing.
        attempts: ids; empty for all that are held.
        billed: of each.
        reason: why the user knows; it stays in the ledger.

    Raises:
        LedgerError: nothing is held for one of them.
    """
    holds = ledger.held_attempts()
    done = []
    with ledger.transaction():
        for attempt in attempts or list(holds):
            ledger.resolve(attempt, billed, reason)
            done.append(Resolution(attempt, holds[attempt][1], billed))
    return done


def resolve_from_usage_export(
    ledger: Ledger, folder: LedgerFolder, export: Path, reason: str
) -> list[Resolution]:
    """Resolve all held attempts of the models in a provider's usage export.

    Args:
        ledger: open for writing.
        folder: of the ledger.
        export: csv with the columns `model` (the provider's id, or as the experiment writes it) and
            `cost_usd`; one row for each call, or a total. It must hold all calls of the run and
            none of another.
        reason: stays in the ledger, with the file's name.

    Raises:
        BadRun: the export cannot be read, or speaks of a model that is not of this run.
    """
    left = _unexplained_costs(folder, export)
    done = []
    with ledger.transaction():
        for attempt, (model, held) in ledger.held_attempts().items():
            if model not in left:
                continue
            cost = min(held, max(left[model], Money()))
            left[model] -= cost
            ledger.resolve(attempt, cost, f"{export.name}: {reason}")
            done.append(Resolution(attempt, held, cost))
    return done


def find_unbooked_costs(folder: LedgerFolder, export: Path) -> dict[str, Money]:
    """Return what an export says beyond what is booked, by model, once no money is held.

    A hundredth, or a cent, is rounding.

    Args:
        folder: whose held attempts are resolved.
        export: as of `resolve_from_usage_export`.
    """
    with read_ledger(folder.ledger_location) as reader:
        booked = reader.booked_by_model()
    return {
        model: more
        for model, more in _unexplained_costs(folder, export).items()
        if more.pico > max(booked.get(model, Money()).pico // _NOTABLE_SHARE, _ROUNDING)
    }


def _unexplained_costs(folder: LedgerFolder, export: Path) -> dict[str, Money]:
    """Return by how much an export exceeds the settled cost, by model; negative for less."""
    with read_ledger(folder.ledger_location) as reader:
        booked = reader.booked_by_model()
    return {
        model: cost - booked.get(model, Money())
        for model, cost in _read_usage_export(folder, export).items()
    }


def _read_usage_export(folder: LedgerFolder, export: Path) -> dict[str, Money]:
    known = folder.billed_names()
    billed: dict[str, Money] = defaultdict(Money)
    try:
        with export.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"model", "cost_usd"} <= set(rows.fieldnames or ()):
                found = ", ".join(rows.fieldnames or ()) or "none"
                raise BadRun(
                    f"{export}: expected columns model and cost_usd, separated by commas; found "
                    f"{found}"
                )
            for number, row in enumerate(rows, start=2):
                if row["model"] not in known:
                    raise BadRun(
                        f"{export}, line {number}: {row['model']!r} is not a model in this run; "
                        f"models: {', '.join(known)}. Use one of these names, or remove the calls "
                        "of other runs"
                    )
                billed[known[row["model"]]] += _parse_cost(export, number, row["cost_usd"])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRun(f"cannot read {export}: {error}") from error
    if not billed:
        raise BadRun(f"{export} contains no calls")
    return dict(billed)


def _parse_cost(export: Path, line_number: int, text: str | None) -> Money:
    try:
        dollars = Decimal((text or "").strip().removeprefix("$"))
        pico = int((dollars * 10**12).to_integral_value("ROUND_CEILING"))
    except (ArithmeticError, ValueError):
        pico = -1
    if pico < 0:
        raise BadRun(
            f"{export}, line {line_number}: cost_usd {text!r} is not an amount of US dollars"
        )
    return Money(pico)
