"""A report as JSON, for programs and for the page: `afcost.report/1`.

Fields may be added; none changes its meaning. Dollars are decimal strings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from estimator.forecast import RangeOutcome, Stratum, compare_with_range
from experiment.analysis import KindCount
from experiment.definition import SUBJECT
from runner.results.figures import (
    StratumActual,
    count_batched,
    count_ways,
    describe_experiment,
    list_batches,
    list_batching,
    list_caching,
    list_planned_prices,
    list_stages,
    sum_stages,
)

if TYPE_CHECKING:
    from runner.results.report import Report

REPORT_SCHEMA = "afcost.report/1"


def describe_report(report: Report) -> dict[str, Any]:
    """Return a report as JSON."""
    return {
        "schema": REPORT_SCHEMA,
        "plan": {"name": report.run_folder.plan.name, "digest": report.run_folder.plan.digest},
        **_describe_plan(report),
        **_describe_money(report),
        **_describe_costs(report),
        **_describe_checks(report),
        "analysis": report.analysis.to_json()
        | {"verdicts": {name: each.to_json() for name, each in report.judges.items()}}
        | {"judges": report.validation.to_json()},
        "provenance": report.provenance.to_json(),
        **({"sequential": report.sequential.to_json()} if report.sequential else {}),
    }


def _describe_plan(report: Report) -> dict[str, Any]:
    """Return what was asked and approved, and at which prices."""
    folder = report.run_folder
    return {
        "experiment": describe_experiment(folder.spec, folder.plan, folder.queries),
        "planned_prices": list_planned_prices(folder.plan),
        "approval": report.approval,
    }


def _describe_money(report: Report) -> dict[str, Any]:
    """Return how the run ended, and where its money stands."""
    return {
        "outcome": report.outcome,
        "end": report.end,
        "reason": report.reason,
        "spent_usd": report.balance.settled.to_decimal_string(),
        "held_usd": report.balance.held.to_decimal_string(),
        "held_requests": report.held_requests,
        "reserved_usd": (report.balance.reserved + report.balance.aside).to_decimal_string(),
        "remaining_usd": report.balance.free.to_decimal_string(),
        "attempts": report.attempts,
        "spending": report.spending and report.spending.to_json(),
    }


def _describe_costs(report: Report) -> dict[str, Any]:
    """Return what strata, stages and all of it came to, beside what was planned."""
    run, plan = report.part_run, report.run_folder.plan
    total, batched = plan.total.to_json(), count_batched(report.batches)
    cells = {(cell.model, cell.condition): cell for cell in report.analysis.cells}
    return {
        "strata": [
            _stratum_json(report, planned, actual, cells)
            | {"run": run.stratum_json(number), "lengths": lengths and lengths.to_json()}
            | {"asked": count_ways(plan, planned, actual, batched)}
            for number, ((planned, actual), lengths) in enumerate(
                zip(report.strata, report.lengths, strict=True)
            )
        ],
        "stages": list_stages(plan, run),
        "stages_total": sum_stages(run),
        "batches": list_batches(plan, report.batches),
        "batching": list_batching(plan, run, report.batches),
        "caching": list_caching(plan, run),
        "forecast": {q: total[q] for q in total if q.startswith("q")}
        | {"mean": total["mean"], "inside": report.inside, "run": run.total_json()}
        | _held_json(report.total_outcome),
    }


def _describe_checks(report: Report) -> dict[str, Any]:
    """Return how bills compare with counts and prices, and what else must be known."""
    return {
        "counts": {name: asdict(check) for name, check in report.counts.items()},
        "prices": {name: check.to_json() for name, check in report.prices.items()},
        "verdicts": {judge: asdict(count) for judge, count in report.verdicts.items()},
        "conflicts": list(report.conflicts),
        "notes": report.notes,
    }


def _held_json(outcome: RangeOutcome | None) -> dict[str, Any]:
    """Return what a forecast rested on, and whether the range of each level held."""
    if outcome is None:
        return {"basis": None, "levels": None}
    return {"basis": outcome.basis, "levels": outcome.list_levels()}


def _stratum_json(
    report: Report,
    planned: Stratum,
    actual: StratumActual,
    cells: Mapping[tuple[str, str], KindCount],
) -> dict[str, Any]:
    """Return a stratum as JSON; a judge's has no kinds of answers."""
    name = report.run_folder.plan.models[planned.model].name
    outcome = None
    if report.is_comparable:
        outcome = compare_with_range(planned.cost, actual.cost, planned.basis)
    is_subject = planned.stage == SUBJECT
    kinds = cells.get((planned.model, planned.condition)) if is_subject else None
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
        "actual": {
            "requests": actual.requests,
            "turns": actual.turns if is_subject else None,
            "input_tokens": actual.input_tokens,
            "output_tokens": actual.output_tokens,
            "reasoning_tokens": actual.reasoning_tokens,
            "cached_tokens": actual.cached_tokens,
            "written_tokens": actual.written_tokens,
            "cost_usd": actual.cost.to_decimal_string(),
        },
        "truncated": actual.truncated,
        "in_flight": actual.in_flight,
        "failed": actual.failed,
        "kinds": kinds.kinds if kinds else None,
        "cut": kinds.cut if kinds else None,
        "missing": kinds.missing if kinds else None,
        "inside": outcome.is_inside(90) if outcome else None,
        "forecast": {q: each for q, each in planned.cost.to_json().items() if q.startswith("q")}
        | _held_json(outcome),
    }
