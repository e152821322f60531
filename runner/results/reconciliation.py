"""Reconciling: what became of held money, from the provider's own list of calls or from the user.

A provider's export says what all calls of a model cost. What it says beyond what the answered calls
were booked at, is what the held attempts cost: they are charged in their order, each up to what is
held for it, and the rest is free again. An export that says less than was booked frees all of them.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pricing.money import Money
from runner.errors import BadRun
from runner.ledger.ledger import Ledger
from runner.ledger.open import read_ledger
from runner.run_folder import Run

_BOOKED = """
SELECT attempt.model, SUM(settled) FROM entry JOIN attempt ON attempt.id = entry.attempt
WHERE kind IN ('settle', 'resolve') GROUP BY attempt.model
"""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a held attempt turned out to cost.

    Attributes:
        attempt: its id.
        held: what was held for it.
        billed: what it cost.
    """

    attempt: str
    held: Money
    billed: Money


def by_hand(ledger: Ledger, attempts: list[str], billed: Money, reason: str) -> list[Resolution]:
    """Resolve attempts at what the user says that each of them cost.

    Args:
        ledger: open for writing.
        attempts: ids; empty for all that are held.
        billed: of each.
        reason: why the user knows; it stays in the ledger.

    Raises:
        LedgerError: nothing is held for one of them.
    """
    holds = ledger.holds()
    done = []
    with ledger.together():
        for attempt in attempts or list(holds):
            ledger.resolve(attempt, billed, reason)
            done.append(Resolution(attempt, holds[attempt][1], billed))
    return done


def by_export(ledger: Ledger, run: Run, export: Path, reason: str) -> list[Resolution]:
    """Resolve all holds of the models that a provider's export of calls speaks of.

    Args:
        ledger: open for writing.
        run: of the ledger.
        export: csv with the columns `model` (the provider's id, or as the experiment writes it) and
            `cost_usd`; one row for each call, or one in all. It must hold all calls of the run and
            none of another.
        reason: stays in the ledger, with the file's name.

    Raises:
        BadRun: the export cannot be read, or speaks of a model that is not of this run.
    """
    left = _unexplained(run, export)
    done = []
    with ledger.together():
        for attempt, (model, held) in ledger.holds().items():
            if model not in left:
                continue
            cost = min(held, max(left[model], Money()))
            left[model] -= cost
            ledger.resolve(attempt, cost, f"{export.name}: {reason}")
            done.append(Resolution(attempt, held, cost))
    return done


def _unexplained(run: Run, export: Path) -> dict[str, Money]:
    """Give by how much a provider's export exceeds what is booked, by model; below 0 for less."""
    with read_ledger(run.ledger) as connection:
        booked = {model: Money(pico) for model, pico in connection.execute(_BOOKED)}
    return {
        model: cost - booked.get(model, Money()) for model, cost in _billed(run, export).items()
    }


def _billed(run: Run, export: Path) -> dict[str, Money]:
    known = {key: written for written, m in run.plan.models.items() for key in m.name.keys}
    known |= {model.name.id: written for written, model in run.plan.models.items()}
    billed: dict[str, Money] = defaultdict(Money)
    try:
        with export.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"model", "cost_usd"} <= set(rows.fieldnames or ()):
                raise BadRun(f"{export}: expected columns model and cost_usd")
            for number, row in enumerate(rows, start=2):
                if row["model"] not in known:
                    raise BadRun(
                        f"{export}, line {number}: {row['model']!r} is not a model in this run; "
                        f"models: {', '.join(known)}. Use one of these names, or remove the calls "
                        "of other runs"
                    )
                billed[known[row["model"]]] += _cost(export, number, row["cost_usd"])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadRun(f"cannot read {export}: {error}") from error
    if not billed:
        raise BadRun(f"{export} contains no calls")
    return dict(billed)


def _cost(export: Path, number: int, text: str | None) -> Money:
    try:
        dollars = Decimal((text or "").strip().removeprefix("$"))
        pico = int((dollars * 10**12).to_integral_value("ROUND_CEILING"))
    except (ArithmeticError, ValueError):
        pico = -1
    if pico < 0:
        raise BadRun(f"{export}, line {number}: cost_usd {text!r} is not an amount of US dollars")
    return Money(pico)
