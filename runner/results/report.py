"""The report: what was planned against what happened, and the result of the experiment."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import Any

from estimator.forecast.stratum import CostRange, Stratum
from experiment.definition.experiment import conditions_of
from experiment.definition.schema import SUBJECT
from experiment.scoring.analysis import Analysis, Observation, analyse, measure_of
from experiment.scoring.answer import read_answer
from experiment.scoring.verdict import read_verdict
from pricing.money import Money
from runner.ledger.open import is_running, read_ledger
from runner.ledger.records import Balance
from runner.ledger.schema import Database, approvals, balance
from runner.results.price_check import PriceCheck, price_checks
from runner.run_folder import Run

SCHEMA = "afcost.report/1"

_FATES = {"settled": "settle", "held": "hold", "released": "release", "resolved": "resolve"}
_SPARES_REFUSALS = {"not-refused", "accepted"}  # judges that do not read a tagged refusal
_ATTEMPTS = """
SELECT attempt.*, answer.*, attempt.model AS written,
       (SELECT SUM(settled) FROM entry WHERE entry.attempt = attempt.id) AS settled,
       (SELECT SUM(held) FROM entry WHERE entry.attempt = attempt.id) AS held,
       (SELECT at FROM entry WHERE entry.attempt = attempt.id ORDER BY seq DESC LIMIT 1) AS at,
       (SELECT kind FROM entry WHERE entry.attempt = attempt.id ORDER BY seq DESC LIMIT 1) AS last
FROM attempt LEFT JOIN answer ON answer.attempt = attempt.id
ORDER BY (SELECT MIN(seq) FROM entry WHERE entry.attempt = attempt.id)
"""


@dataclass(frozen=True, slots=True)
class Actual:
    """What a stratum came to; tokens as the provider reported them, `cost` as booked."""

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
    """A model's billed prompt tokens minus what was counted here, over its answered calls."""

    calls: int
    equal: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Report:
    """A run as it stands in its ledger.

    Attributes:
        run: its folder, with the plan.
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

    run: Run
    outcome: str
    end: str
    balance: Balance
    approval: dict[str, Any] | None
    attempts: dict[str, int]
    strata: tuple[tuple[Stratum, Actual], ...]
    inside: bool | None
    counts: dict[str, CountCheck]
    prices: dict[str, PriceCheck]
    notes: dict[str, int]
    analysis: Analysis

    def to_json(self) -> dict[str, Any]:
        """Give the report as stable JSON; money as decimal strings of US dollars."""
        total = self.run.plan.total.to_json()
        return {
            "schema": SCHEMA,
            "plan": {"name": self.run.plan.name, "digest": self.run.plan.digest},
            "approval": self.approval,
            "outcome": self.outcome,
            "end": self.end,
            "spent_usd": self.balance.settled.exact(),
            "held_usd": self.balance.held.exact(),
            "reserved_usd": (self.balance.reserved + self.balance.aside).exact(),
            "remaining_usd": self.balance.free.exact(),
            "attempts": self.attempts,
            "strata": [
                _stratum_json(self.run, planned, actual, complete=self.outcome == "complete")
                for planned, actual in self.strata
            ],
            "forecast": {q: total[q] for q in ("q05", "q50", "q95")} | {"inside": self.inside},
            "counts": {name: asdict(check) for name, check in self.counts.items()},
            "prices": {name: check.to_json() for name, check in self.prices.items()},
            "notes": self.notes,
            "analysis": self.analysis.to_json(),
        }


def report(run: Run) -> Report:
    """Read a run's ledger; it may be running meanwhile.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    with read_ledger(run.ledger) as connection:
        rows = connection.execute(_ATTEMPTS).fetchall()
        money, given, end = balance(connection), approvals(connection), _end(connection)
        notes = _notes(connection)
    running = is_running(run.ledger)
    outcome = "running" if running else ("complete" if end == "complete" else "partial")
    return Report(
        run=run,
        outcome=outcome,
        end="" if running else end,
        balance=money,
        approval=given[-1] if given else None,
        attempts={name: sum(row["last"] == kind for row in rows) for name, kind in _FATES.items()},
        strata=tuple(_strata(run, rows)),
        inside=inside(run.plan.total, money.settled) if outcome == "complete" else None,
        counts=_counts(run, rows),
        prices=price_checks(run, rows),
        notes=notes,
        analysis=analyse(run.spec, _observations(run, rows)),
    )


def inside(planned: CostRange, actual: Money) -> bool:
    """Say whether a cost lies in its forecast's 90 % range."""
    return planned.q05 <= actual.approx <= planned.q95


def _end(connection: Database) -> str:
    row = connection.execute("SELECT kind, note FROM entry ORDER BY seq DESC LIMIT 1").fetchone()
    return str(row["note"]) if row and row["kind"] == "end" else ""


def _notes(connection: Database) -> dict[str, int]:
    """Count the notes of entries; those that differ only in numbers together, as the first."""
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


def _counts(run: Run, rows: list[Any]) -> dict[str, CountCheck]:
    differences: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row["last"] == "settle":
            billed = row["input"] + row["cache_read"] + row["cache_write"]
            name = str(run.plan.models[row["written"]].name)
            differences[name].append(billed - row["counted"])
    return {
        name: CountCheck(len(found), found.count(0), min(found), max(found))
        for name, found in differences.items()
    }


def _strata(run: Run, rows: list[Any]) -> list[tuple[Stratum, Actual]]:
    by_key: dict[tuple[str, str, str], list[Any]] = defaultdict(list)
    for row in rows:
        by_key[row["stage"], row["written"], row["condition"]].append(row)
    return [
        (stratum, _actual(by_key[stratum.stage, stratum.model, stratum.condition]))
        for stratum in run.plan.strata
    ]


def _actual(rows: list[Any]) -> Actual:
    answered = [row for row in rows if row["last"] == "settle"]
    done = {row["request"] for row in answered}

    def total(*columns: str) -> int:
        return sum(row[column] for row in answered for column in columns)

    return Actual(
        requests=len(done),
        input_tokens=total("input", "cache_read", "cache_write"),
        output_tokens=total("output"),
        reasoning_tokens=total("hidden"),
        cached_tokens=total("cache_read"),
        cost=Money(sum(row["settled"] or 0 for row in rows)),  # also of holds that were resolved
        truncated=sum(row["finish"] == "length" for row in answered),
        failed=len({row["request"] for row in rows} - done),
    )


def _observations(run: Run, rows: list[Any]) -> list[Observation]:
    """Read the answers; of a request that was answered more than once, the last."""
    measure = measure_of(run.spec)
    rows = list({row["request"]: row for row in rows if row["last"] == "settle"}.values())
    votes: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row["stage"] == measure:
            votes[row["job"]].append(row["text"])
    spared = any(j.name == measure and j.when in _SPARES_REFUSALS for j in run.spec.judges)
    levels = {condition.name: condition.levels for condition in conditions_of(run.spec)}
    observations = []
    for row in rows:
        if row["stage"] != SUBJECT:
            continue
        answer = read_answer(row["prefill"] + row["text"], run.spec.answer)
        verdicts = [read_verdict(text) for text in votes[row["request"]]]
        complied = [not verdict.refused for verdict in verdicts if verdict]
        if spared and not verdicts and answer.accepted is False:
            complied = [False]  # the experiment's own rule took it for a refusal, unread
        observations.append(
            Observation(
                model=row["written"],
                levels=levels[row["condition"]],
                query=row["query"],
                sample=row["sample"],
                accepted=answer.accepted,
                votes=tuple(complied),
            )
        )
    return observations


def _stratum_json(run: Run, planned: Stratum, actual: Actual, *, complete: bool) -> dict[str, Any]:
    name = run.plan.models[planned.model].name
    figures = asdict(actual) | {"cost_usd": actual.cost.exact()}
    return {
        "stage": planned.stage,
        "provider": name.provider,
        "model": name.short,
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
        "inside": inside(planned.cost, actual.cost) if complete else None,
    }
