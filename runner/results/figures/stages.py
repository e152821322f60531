"""Stages: what the answers of each model, and each judge, cost over all conditions."""

from __future__ import annotations

from typing import Any

from estimator.forecast import join_bases
from estimator.plan import Plan
from experiment.definition import SUBJECT
from pricing.money import Money
from runner.results.figures.run_part import PartRun, Strata, range_json

_SUMS = ("input_tokens", "output_tokens")


def list_stages(plan: Plan, run: PartRun) -> list[dict[str, Any]]:
    """Return each stage of each model as JSON, in the plan's order.

    `forecast` is of all of it, as planned; `run` is the forecast of what was run of it. Sums over
    the stages are those over the strata.
    """
    return [_sum_stage(plan, run, stage, model) for stage, model in plan.groups]


def sum_stages(run: PartRun) -> dict[str, Any]:
    """Return what all stages come to, as JSON, and which share of it the answers cost."""
    of_answers = [each for each in run.strata if each[0].stage == SUBJECT]
    answers = sum((actual.cost for _, actual in of_answers), Money())
    return _add_up(run.strata) | {
        "answers_share": answers.pico / run.cost.pico if run.cost else None
    }


def _sum_stage(plan: Plan, run: PartRun, stage: str, model: str) -> dict[str, Any]:
    strata: Strata = [each for each in run.strata if each[0].key[:2] == (stage, model)]
    name = plan.models[model].name
    cost = sum((actual.cost for _, actual in strata), Money())
    planned = plan.groups[stage, model].to_json()
    return {
        "stage": stage,
        "provider": name.provider,
        "model": name.short_name,
        **_add_up(strata),
        "forecast": {name: each for name, each in planned.items() if name != "ceiling"}
        | {"basis": join_bases({planned.basis for planned, _ in strata})},
        "run": range_json(run.forecast.groups[stage, model], cost),
    }


def _add_up(strata: Strata) -> dict[str, Any]:
    """Return sums over strata; `calls` counts each turn of an answer."""
    cost = sum((actual.cost for _, actual in strata), Money())
    return {
        "calls": sum(max(actual.requests, actual.turns) for _, actual in strata),
        "planned_calls": sum(planned.requests for planned, _ in strata),
        **{figure: sum(getattr(actual, figure) for _, actual in strata) for figure in _SUMS},
        "cost_usd": cost.to_decimal_string(),
    }
