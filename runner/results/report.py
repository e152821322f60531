"""The report: planned against actual cost, and the result of the experiment."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from estimator.forecast import CostRange, Stratum
from estimator.plan import list_unreasoned_conflicts
from estimator.workload import StratumKey
from experiment.definition import SUBJECT, cross_factors
from experiment.scoring import (
    Analysis,
    Completion,
    Observation,
    analyse_compliance,
    choose_measure,
    read_answer,
    read_proxy,
    read_votes,
)
from pricing.money import Money
from runner.ledger import (
    Attempt,
    AttemptRecord,
    Balance,
    Entry,
    StoredAnswer,
    is_running,
    read_ledger,
)
from runner.results.current_verdicts import list_earlier_verdicts
from runner.results.price_check import PriceCheck, check_prices
from runner.run_folder import RunFolder

_RESTORE_HASHES = re.compile(r" \([0-9a-f:, ]+\)$")  # for the ledger, not for a reader
REPORT_SCHEMA = "afcost.report/1"

_LAST_ENTRY_KINDS = {
    "settled": "settle",
    "held": "hold",
    "released": "release",
    "resolved": "resolve",
}


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
        conflicts: which conditions reason although they are named otherwise, by model.
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
    conflicts: tuple[str, ...]
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
            "conflicts": list(self.conflicts),
            "notes": self.notes,
            "analysis": self.analysis.to_json(),
        }


def build_report(run_folder: RunFolder) -> Report:
    """Build the report from a run's ledger, even while it is running.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    with read_ledger(run_folder.ledger_location) as reader:
        earlier = list_earlier_verdicts(run_folder, reader)
        everything = list(reader.attempts())
        records = [each for each in everything if each.attempt.id not in earlier]
        money, approvals, end = reader.balance(), reader.approvals(), reader.end()
        notes = _count_notes(reader.noted_entries()) | _describe_earlier(everything, earlier)
    running = is_running(run_folder.ledger_location)
    outcome = "running" if running else ("complete" if end == "complete" else "partial")
    return Report(
        run_folder=run_folder,
        outcome=outcome,
        end="" if running else end,
        balance=money,
        approval=approvals[-1].to_json() if approvals else None,
        attempts={
            name: sum(record.last_kind == kind for record in everything)
            for name, kind in _LAST_ENTRY_KINDS.items()
        },
        strata=tuple(_match_strata(run_folder, records)),
        inside=is_within_forecast(run_folder.plan.total, _sum_settled(records))
        if outcome == "complete"
        else None,
        counts=_check_counts(run_folder, records),
        prices=check_prices(run_folder, records),
        conflicts=tuple(list_unreasoned_conflicts(run_folder.spec, run_folder.plan.models)),
        notes=notes,
        analysis=analyse_compliance(run_folder.spec, _read_observations(run_folder, records)),
    )


def is_within_forecast(planned: CostRange, actual: Money) -> bool:
    """Return whether a cost lies within the forecast's 90 % range."""
    return planned.q05 <= actual.as_float <= planned.q95


def _sum_settled(records: Iterable[AttemptRecord]) -> Money:
    return sum((record.settled for record in records), Money())


def _describe_earlier(records: Iterable[AttemptRecord], earlier: frozenset[str]) -> dict[str, int]:
    """Return what the verdicts of earlier judges cost, with how many were asked for."""
    if not earlier:
        return {}
    cost = _sum_settled(each for each in records if each.attempt.id in earlier)
    return {f"verdicts of earlier judges, not in the result: {cost} billed": len(earlier)}


def _count_notes(entries: Iterable[Entry]) -> dict[str, int]:
    """Count the notes of entries; notes that differ only in numbers count as one."""
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for entry in entries:
        kind = "booked above usage" if entry.kind == "settle" else entry.kind
        note = _RESTORE_HASHES.sub("", entry.note) if kind == "restore" else entry.note
        text = f"{kind}: {note}"
        counts[first.setdefault(re.sub(r"\d+", "#", text), text)] += 1
    return dict(counts)


def _answered(records: Iterable[AttemptRecord]) -> Iterator[tuple[Attempt, StoredAnswer]]:
    """Return the answered attempts with their answers."""
    return (
        (each.attempt, each.answer)
        for each in records
        if each.answer is not None and not each.answer.completion.has_failed
    )


def _has_ended(record: AttemptRecord) -> bool:
    """Return whether an attempt is no longer in flight."""
    return record.last_kind != "reserve"


def _name_answer(attempt: Attempt) -> tuple[str, str, int]:
    """Return what an answer is of; an earlier version may have asked under several ids for it."""
    return attempt.job, attempt.stage, attempt.vote


def _check_counts(run_folder: RunFolder, records: list[AttemptRecord]) -> dict[str, CountCheck]:
    differences: dict[str, list[int]] = defaultdict(list)
    for attempt, answer in _answered(records):
        name = str(run_folder.plan.models[attempt.model].name)
        differences[name].append(answer.prompt_tokens - attempt.counted)
    return {
        name: CountCheck(len(found), found.count(0), min(found), max(found))
        for name, found in differences.items()
    }


def _match_strata(
    run_folder: RunFolder, records: list[AttemptRecord]
) -> list[tuple[Stratum, StratumActual]]:
    by_key: dict[StratumKey, list[AttemptRecord]] = defaultdict(list)
    for record in records:
        attempt = record.attempt
        by_key[StratumKey(attempt.stage, attempt.model, attempt.condition)].append(record)
    return [(stratum, _sum_actual(by_key[stratum.key])) for stratum in run_folder.plan.strata]


def _sum_actual(records: list[AttemptRecord]) -> StratumActual:
    done = {_name_answer(attempt) for attempt, _ in _answered(records)}
    answers = [answer for _, answer in _answered(records)]
    return StratumActual(
        requests=len(done),
        input_tokens=sum(answer.prompt_tokens for answer in answers),
        output_tokens=sum(answer.output for answer in answers),
        reasoning_tokens=sum(answer.hidden for answer in answers),
        cached_tokens=sum(answer.cache_read for answer in answers),
        # Also of holds that were resolved.
        cost=_sum_settled(records),
        truncated=sum(answer.finish == "length" for answer in answers),
        failed=len({_name_answer(each.attempt) for each in records if _has_ended(each)} - done),
    )


def _read_observations(run_folder: RunFolder, records: list[AttemptRecord]) -> list[Observation]:
    """Read the answers; of a request answered more than once, only the last."""
    measure = choose_measure(run_folder.spec)
    last = {_name_answer(attempt): (attempt, answer) for attempt, answer in _answered(records)}
    votes: dict[str, list[Completion]] = defaultdict(list)
    for attempt, stored in last.values():
        if attempt.stage == measure:
            votes[attempt.job].append(stored.completion)
    judge = next((each for each in run_folder.spec.judges if each.name == measure), None)
    levels = {condition.name: condition.levels for condition in cross_factors(run_folder.spec)}
    observations = []
    for attempt, stored in last.values():
        if attempt.stage != SUBJECT:
            continue
        answer_format = run_folder.spec.answer
        answer = read_answer(stored.completion, answer_format, stored.prefill)
        returned = votes[attempt.request]
        observations.append(
            Observation(
                model=attempt.model,
                levels=levels[attempt.condition],
                query=attempt.query,
                sample=attempt.sample,
                kind=answer.kind,
                accepted=read_proxy(answer, answer_format),
                votes=read_votes(judge, answer, answer_format, returned) if judge else (),
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
