"""The estimate of a program as stable JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from estimator.comparison import Quote
from estimator.plan import price_to_json
from estimator.recorded.program_estimate import ProgramEstimate
from estimator.recorded.program_plan import ProgramPlan
from pricing.money import money_from_float

PROGRAM_ESTIMATE_SCHEMA = "afcost.program-estimate/1"


def program_estimate_to_json(estimate: ProgramEstimate, plan_path: Path | None) -> dict[str, Any]:
    """Return an estimate as JSON; money as decimal strings of US dollars.

    Args:
        estimate: what to return.
        plan_path: the saved plan's file, if any.
    """
    plan = estimate.plan
    return {
        "schema": PROGRAM_ESTIMATE_SCHEMA,
        "command": list(plan.command),
        "is_partial": bool(plan.problems),
        "problems": list(plan.problems),
        "plan": {"file": plan_path and str(plan_path), "digest": plan.digest},
        "strata": [
            _name_model(plan, each.stage, each.model)
            | {
                "condition": each.condition,
                "calls": each.requests,
                "input_tokens": each.input_tokens,
                "exactness": each.exactness,
                "output_tokens": each.output.to_json(),
                "basis": each.basis,
                "source": each.source,
                "share_cut_off": each.share_cut_off,
                "cost_usd": each.cost.to_json(),
            }
            for each in plan.strata
        ],
        "groups": [
            _name_model(plan, stage, model)
            | {
                "calls": sum(each.requests for each in plan.list_strata(stage, model)),
                "cost_usd": cost.to_json(),
            }
            for (stage, model), cost in plan.groups.items()
        ],
        "total": {
            "calls": plan.calls,
            "input_tokens": sum(each.input_tokens for each in plan.strata),
            "output_tokens": round(sum(each.output.mean for each in plan.strata)),
            "cost_usd": plan.total.to_json(),
        },
        "prices": [
            {"model": name} | price_to_json(model.offer, model.card, estimate.day)
            for name, model in plan.models.items()
        ],
        "quotes": [
            {"model": name} | _quote_to_json(quote)
            for name, quotes in estimate.quotes.items()
            for quote in quotes
        ],
        "assumptions": list(plan.assumptions),
        "warnings": list(plan.warnings),
    }


def _name_model(plan: ProgramPlan, stage: str, model: str) -> dict[str, Any]:
    name = plan.models[model].name
    return {"stage": stage, "provider": name.provider, "model": name.id}


def _quote_to_json(quote: Quote) -> dict[str, Any]:
    def dollars(amount: float | None) -> str | None:
        return None if amount is None else money_from_float(amount).to_decimal_string()

    return {
        "provider": quote.name.provider,
        "model_id": quote.name.id,
        "standard_usd": dollars(quote.standard),
        "batch_usd": dollars(quote.batch),
        "cached_usd": dollars(quote.cached),
        "not_cached": quote.caching.reason,
    }
