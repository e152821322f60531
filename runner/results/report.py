"""The report: planned against actual cost, and the result of the experiment."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from estimator.forecast import CostRange, Stratum
from experiment.definition import SUBJECT, cross_factors
from experiment.scoring import (
    Analysis,
    Observation,
    analyse_compliance,
    choose_measure,
    read_answer,
    read_votes,
)
from pricing.money import Money
from runner.ledger import Balance, Database, is_running, read_approvals, read_balance, read_ledger
from runner.results.price_check import PriceCheck, check_prices
from runner.run_folder import RunFolder

REPORT_SCHEMA = "afcost.report/1"

_LAST_ENTRY_KINDS = {
    "settled": "settle",
    "held": "hold",
    "released": "release",
    "resolved": "resolve",
}
_SELECT_ATTEMPTS = """
SELECT attempt.*, answer.*, attempt.model AS written,
       (SELECT SUM(settled) FROM entry WHERE entry.attempt = attempt.id) AS settled,
       (SELECT SUM(held) FROM entry WHERE entry.attempt = attempt.id) AS held,
       (SELECT at FROM entry WHERE entry.attempt = attempt.id ORDER BY seq DESC LIMIT 1) AS at,
       (SELECT kind FROM entry WHERE entry.attempt = attempt.id ORDER BY seq DESC LIMIT 1) AS last
FROM attempt LEFT JOIN answer ON answer.attempt = attempt.id
ORDER BY (SELECT MIN(seq) FROM entry WHERE entry.attempt = attempt.id)
"""


@dataclass(frozen=True, slots=True)
class StratumActual:
    """Actual figures of a stratum; tokens as the provider reported them, `cost` as settled."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    cost: Money = Money()  # noqa: RUF009 - frozen
    truncated: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class CountCheck:
    """A model's billed prompt tokens minus our counts, over its answered calls."""

    calls: int
    equal: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Report:
    """A run's state, as recorded in its ledger.

    Attributes:
        run_folder: its folder, with the plan.
        outcome: complete, partial or running.
        end: how the last execution ended, empty where it did not say.
        balance: of the ledger.
        approval: the newest one, as JSON; None before the first execution.
        attempts: how many were settled, held and released.
        strata: each planned stratum with what it came to.
        inside: whether the cost lies in the forecast's 90 % range; None while not complete.
        counts: how the billed prompts compare with what was counted, by model.
        prices: how costs that providers stated compare with the pinned prices, by model.
        notes: why money was released, held, or booked above usage; alike ones counted together.
        analysis: what the answers say.
    """

    run_folder: RunFolder
    outcome: str
    end: str
    balance: Balance
    approval: dict[str, Any] | None
    attempts: dict[str, int]
    strata: tuple[tuple[Stratum, StratumActual], ...]
    inside: bool | None
    counts: dict[str, CountCheck]
    prices: dict[str, PriceCheck]
    notes: dict[str, int]
    analysis: Analysis

    def to_json(self) -> dict[str, Any]:
        """Return the report as stable JSON; money as decimal strings of US dollars."""
        total = self.run_folder.plan.total.to_json()
        return {
            "schema": REPORT_SCHEMA,
            "plan": {"name": self.run_folder.plan.name, "digest": self.run_folder.plan.digest},
            "approval": self.approval,
            "outcome": self.outcome,
            "end": self.end,
            "spent_usd": self.balance.settled.to_decimal_string(),
            "held_usd": self.balance.held.to_decimal_string(),
            "reserved_usd": (self.balance.reserved + self.balance.aside).to_decimal_string(),
            "remaining_usd": self.balance.free.to_decimal_string(),
            "attempts": self.attempts,
            "strata": [
                _stratum_json(self.run_folder, planned, actual, complete=self.outcome == "complete")
                for planned, actual in self.strata
            ],
            "forecast": {q: total[q] for q in ("q05", "q50", "q95")} | {"inside": self.inside},
            "counts": {name: asdict(check) for name, check in self.counts.items()},
            "prices": {name: check.to_json() for name, check in self.prices.items()},
            "notes": self.notes,
            "analysis": self.analysis.to_json(),
        }


def build_report(run_folder: RunFolder) -> Report:
    """Build the report from a run's ledger, even while it is running.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    with read_ledger(run_folder.ledger_location) as connection:
        rows = connection.execute(_SELECT_ATTEMPTS).fetchall()
        money, given, end = (
            read_balance(connection),
            read_approvals(connection),
            _read_end(connection),
        )
        notes = _count_notes(connection)
    running = is_running(run_folder.ledger_location)
    outcome = "running" if running else ("complete" if end == "complete" else "partial")
    return Report(
        run_folder=run_folder,
        outcome=outcome,
        end="" if running else end,
        balance=money,
        approval=given[-1] if given else None,
        attempts={
            name: sum(row["last"] == kind for row in rows)
            for name, kind in _LAST_ENTRY_KINDS.items()
        },
        strata=tuple(_match_strata(run_folder, rows)),
        inside=is_within_forecast(run_folder.plan.total, money.settled)
        if outcome == "complete"
        else None,
        counts=_check_counts(run_folder, rows),
        prices=check_prices(run_folder, rows),
        notes=notes,
        analysis=analyse_compliance(run_folder.spec, _read_observations(run_folder, rows)),
    )


def is_within_forecast(planned: CostRange, actual: Money) -> bool:
    """Return whether a cost lies within the forecast's 90 % range."""
    return planned.q05 <= actual.as_float <= planned.q95


def _read_end(connection: Database) -> str:
    row = connection.execute("SELECT kind, note FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
    return str(row["note"]) if row and row["kind"] == "end" else ""


def _count_notes(connection: Database) -> dict[str, int]:
    """Count the notes of entries; notes that differ only in numbers count as one."""
    query = (
        "SELECT kind, note FROM entry WHERE note <> '' AND kind NOT IN ('end', 'plan', 'approve') "
        "ORDER BY seq"
    )
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for kind, note in connection.execute(query):
        text = f"booked above usage: {note}" if kind == "settle" else f"{kind}: {note}"
        counts[first.setdefault(re.sub(r"\d+", "#", text), text)] += 1
    return dict(counts)


def _check_counts(run_folder: RunFolder, rows: list[Any]) -> dict[str, CountCheck]:
    differences: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row["last"] == "settle":
            billed = row["input"] + row["cache_read"] + row["cache_write"]
            name = str(run_folder.plan.models[row["written"]].name)
            differences[name].append(billed - row["counted"])
    return {
        name: CountCheck(len(found), found.count(0), min(found), max(found))
        for name, found in differences.items()
    }


def _match_strata(run_folder: RunFolder, rows: list[Any]) -> list[tuple[Stratum, StratumActual]]:
    by_key: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for row in rows:
        by_key[row["stage"], row["written"], row["condition"]].append(row)
    return [
        (stratum, _sum_actual(by_key[stratum.stage, stratum.model, stratum.condition]))
        for stratum in run_folder.plan.strata
    ]


def _sum_actual(rows: list[Any]) -> StratumActual:
    answered = [row for row in rows if row["last"] == "settle"]
    done = {row["request"] for row in answered}

    def sum_columns(*columns: str) -> int:
        return sum(row[column] for row in answered for column in columns)

    return StratumActual(
        requests=len(done),
        input_tokens=sum_columns("input", "cache_read", "cache_write"),
        output_tokens=sum_columns("output"),
        reasoning_tokens=sum_columns("hidden"),
        cached_tokens=sum_columns("cache_read"),
        cost=Money(sum(row["settled"] or 0 for row in rows)),  # also of holds that were resolved
        truncated=sum(row["finish"] == "length" for row in answered),
        failed=len({row["request"] for row in rows} - done),
    )


def _read_observations(run_folder: RunFolder, rows: list[Any]) -> list[Observation]:
    """Read the answers; of a request answered more than once, only the last."""
    measure = choose_measure(run_folder.spec)
    rows = list({row["request"]: row for row in rows if row["last"] == "settle"}.values())
    votes: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["stage"] == measure:
            votes[row["job"]].append(row["text"])
    judge = next((each for each in run_folder.spec.judges if each.name == measure), None)
    levels = {condition.name: condition.levels for condition in cross_factors(run_folder.spec)}
    observations = []
    for row in rows:
        if row["stage"] != SUBJECT:
            continue
        answer = read_answer(row["prefill"] + row["text"], run_folder.spec.answer)
        observations.append(
            Observation(
                model=row["written"],
                levels=levels[row["condition"]],
                query=row["query"],
                sample=row["sample"],
                accepted=answer.accepted,
                votes=read_votes(judge, answer, votes[row["request"]]) if judge else (),
            )
        )
    return observations


def _stratum_json(
    run_folder: RunFolder, planned: Stratum, actual: StratumActual, *, complete: bool
) -> dict[str, Any]:
    name = run_folder.plan.models[planned.model].name
    figures = asdict(actual) | {"cost_usd": actual.cost.to_decimal_string()}
    return {
        "stage": planned.stage,
        "provider": name.provider,
        "model": name.short_name,
        "condition": planned.condition,
        "planned": {
            "requests": planned.requests,
            "input_tokens": planned.input_tokens,
            "output_tokens": round(planned.output.mean),
            "cost_usd": planned.cost.to_json()["mean"],
        },
        "actual": {k: v for k, v in figures.items() if k not in {"cost", "truncated", "failed"}},
        "truncated": actual.truncated,
        "failed": actual.failed,
        "inside": is_within_forecast(planned.cost, actual.cost) if complete else None,
    }
