"""Export an estimate as stable JSON, and each of its requests as CSV or JSONL."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from estimator.atomic_write import open_atomically
from estimator.errors import EstimatorError
from estimator.forecast import CostRange, Stratum
from estimator.plan.other_providers import cost_at_other_providers
from estimator.plan.planner import Estimate
from estimator.plan.request_prices import RequestCallback
from estimator.safe_text import CsvFile, escape_cell
from estimator.wall_time import PlanTime
from estimator.workload import CountedRequest, PlannedModel, SentUse, StratumKey
from experiment.definition import NO_COLUMNS, QueryColumns, list_uses
from pricing.money import Money, money_from_float
from pricing.rates import TOKEN_CLASSES, Offer, Rate, RateCard
from providers.capabilities import build_sent_fields, find_reasoning

ESTIMATE_SCHEMA = "afcost.estimate/1"
_CSV_COLUMNS = [
    "id",
    "stage",
    "provider",
    "model",
    "condition",
    "query",
    "sample",
    "vote",
    "input_tokens",
    "exactness",
    "max_tokens",
    "cost_mean_usd",
    "cost_ceiling_usd",
]
_TEXT_COLUMNS = ["sampling", "fields", "messages"]


def estimate_to_json(
    estimate: Estimate, plan_path: Path | None, time: PlanTime | None = None
) -> dict[str, Any]:
    """Return an estimate as JSON; money as decimal strings of US dollars.

    Args:
        estimate: what to return.
        plan_path: the saved plan file, if any.
        time: how long its requests take; None where that is not known.
    """
    plan = estimate.plan
    reasoning = _export_reasoning(estimate)
    return {
        "schema": ESTIMATE_SCHEMA,
        "experiment": {
            "name": plan.name,
            "title": estimate.experiment.spec.title,
            "digest": plan.experiment_digest,
        },
        "plan": {"file": plan_path and str(plan_path), "digest": plan.digest},
        "strata": [
            _export_stratum(estimate, stratum) | {"reasoning": reasoning[stratum.key]}
            for stratum in plan.strata
        ],
        "groups": [
            _export_group(estimate, stage, model, cost)
            for (stage, model), cost in plan.groups.items()
        ],
        "requests_sent": [_export_sent_use(estimate, use) for use in estimate.sent],
        "total": {
            "requests": plan.request_count,
            "input_tokens": sum(stratum.input_tokens for stratum in plan.strata),
            "output_tokens": round(sum(stratum.output.mean for stratum in plan.strata)),
            "cost_usd": plan.total.to_json(),
        },
        "wall_time": time and time.to_json(),
        "elsewhere": [
            {
                "model": str(plan.models[written].name),
                "provider": provider,
                "cost_usd": money_from_float(cost).to_decimal_string(),
            }
            for written in estimate.experiment.spec.models
            for provider, cost in cost_at_other_providers(estimate, written)
        ],
        "assumptions": list(plan.assumptions),
        "warnings": list(plan.warnings),
    }


def _export_group(estimate: Estimate, stage: str, model: str, cost: CostRange) -> dict[str, Any]:
    """Return what a stage of a model costs, in all conditions together."""
    plan = estimate.plan
    strata = [each for each in plan.strata if (each.stage, each.model) == (stage, model)]
    return {
        "stage": stage,
        "model": str(plan.models[model].name),
        "requests": sum(each.requests for each in strata),
        "input_tokens": sum(each.input_tokens for each in strata),
        "output_tokens": round(sum(each.output.mean for each in strata)),
        "cost_usd": cost.to_json(),
    }


@contextmanager
def open_request_export(
    path: Path, *, raw: bool = False, texts: bool = False, of_query: QueryColumns = NO_COLUMNS
) -> Iterator[RequestCallback]:
    """Open a file to write requests to; yield a callback for `estimate_experiment`.

    Args:
        path: of the file.
        raw: leave cells as they are that a spreadsheet would take for formulas.
        texts: write the sampling of each request too, as the experiment has it, and the fields and
            the messages that are sent; in CSV as JSON.
        of_query: the other columns of each query, which are written too.

    Raises:
        EstimatorError: not a csv or jsonl file, or it cannot be written.
    """
    if path.suffix not in {".csv", ".jsonl"}:
        raise EstimatorError(f"--requests {path} must end in .csv or .jsonl")
    columns = [*_CSV_COLUMNS, *(_TEXT_COLUMNS if texts else [])]
    columns += of_query.names
    make_row = _request_row_with_texts if texts else _request_row
    try:
        with open_atomically(path) as file:
            if path.suffix == ".csv":
                rows = csv.DictWriter(CsvFile(file), columns)
                rows.writeheader()
                keep = str if raw else escape_cell

                def write_row(counted: CountedRequest, *each: Any) -> None:  # noqa: ANN401
                    row = make_row(counted, *each) | of_query.cells(counted.request.query)
                    rows.writerow({name: keep(_to_cell(value)) for name, value in row.items()})
            else:

                def write_row(counted: CountedRequest, *each: Any) -> None:  # noqa: ANN401
                    row = make_row(counted, *each) | of_query.fields(counted.request.query)
                    print(json.dumps(row), file=file)

            yield write_row
    except OSError as error:
        raise EstimatorError(f"cannot write --requests {path}: {error.strerror}") from error


def _request_row(
    counted: CountedRequest, model: PlannedModel, likely: float, ceiling: Money
) -> dict[str, Any]:
    request, name = counted.request, model.name
    return {
        "id": request.id,
        "stage": request.stage,
        "provider": name.provider,
        "model": name.short_name,
        "condition": request.condition,
        "query": request.query,
        "sample": request.sample,
        "vote": request.vote,
        "input_tokens": counted.count.tokens,
        "exactness": counted.count.exactness.value,
        "max_tokens": request.max_tokens,
        "cost_mean_usd": money_from_float(likely).to_decimal_string(),
        "cost_ceiling_usd": ceiling.to_decimal_string(),
    }


def _request_row_with_texts(
    counted: CountedRequest, model: PlannedModel, likely: float, ceiling: Money
) -> dict[str, Any]:
    request = counted.request
    sent = build_sent_fields(model.capability, request.sampling, prefill=request.prefill)
    return _request_row(counted, model, likely, ceiling) | {
        "sampling": request.sampling,
        "fields": sent.fields,
        "messages": [message._asdict() for message in counted.preview()],
    }


def _to_cell(value: object) -> str:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _export_stratum(estimate: Estimate, stratum: Stratum) -> dict[str, Any]:
    model = estimate.plan.models[stratum.model]
    return {
        "stage": stratum.stage,
        "provider": model.name.provider,
        "model": model.name.short_name,
        "model_id": model.name.id,
        "condition": stratum.condition,
        "requests": stratum.requests,
        "expected_requests": stratum.requests if stratum.expected is None else stratum.expected,
        "input_tokens": stratum.input_tokens,
        "exactness": stratum.exactness,
        "tokenizer": model.tokenizer.name,
        "output_tokens": stratum.output.to_json()
        | {"basis": stratum.basis, "source": stratum.source},
        "cost_usd": stratum.cost.to_json(),
        "variance_share": stratum.variance_share,
        "is_heavy_tailed": stratum.is_heavy_tailed,
        "share_cut_off": stratum.share_cut_off,
        "own_answers": stratum.own_answers,
        "caching": _export_caching(stratum),
        "price": price_to_json(model.offer, model.card, estimate.book.day),
    }


def _export_caching(stratum: Stratum) -> dict[str, Any] | None:
    """Return what of a stratum's prompts is cached, and what that saves; None for nothing."""
    if stratum.cache_saving is None:
        return None
    return {
        "read_tokens": stratum.cache_read,
        "written_tokens": stratum.cache_written,
        "saved_usd": money_from_float(stratum.cache_saving).to_decimal_string(),
    }


def _export_sent_use(estimate: Estimate, use: SentUse) -> dict[str, Any]:
    """Return what a stage of a model sends: the fields of the body, and what was changed for it."""
    name = estimate.plan.models[use.model].name
    every = [condition.name for condition in estimate.experiment.conditions()]
    return {
        "stage": use.stage,
        "provider": name.provider,
        "model": name.short_name,
        "model_id": name.id,
        "conditions": list(use.conditions or every),
        "fields": use.fields,
        "changes": list(use.changes),
        "prefill": use.has_prefill,
    }


def _export_reasoning(estimate: Estimate) -> dict[StratumKey, dict[str, Any]]:
    """Return whether each stratum's requests reason before they answer."""
    models = estimate.plan.models
    return {
        StratumKey(use.stage, use.model, use.condition.name): asdict(
            find_reasoning(models[use.model].capability, use.sampling)
        )
        for use in list_uses(estimate.experiment.spec)
    }


def price_to_json(offer: Offer, card: RateCard, day: date) -> dict[str, Any]:
    """Return a card's prices in USD per million tokens, as strings; null where unknown.

    Args:
        offer: for the disagreement with other sources.
        card: the offer's, on the day of the run.
        day: today, to compare sources.
    """
    rates = {name: getattr(card, name) for name in TOKEN_CLASSES}
    ratio = offer.disagreement_ratio(day)
    return {
        **{name: rate and f"{rate.base:f}" for name, rate in rates.items()},
        "processing": "batch" if offer.is_batch else "calls",
        "tiers": _tiers_to_json(rates),
        "per_request": f"{card.per_request:f}",
        "checked": card.checked and card.checked.isoformat(),
        "source": card.source,
        "disagreement": None if ratio is None else str(ratio),
    }


def _tiers_to_json(rates: dict[str, Rate | None]) -> list[dict[str, Any]]:
    thresholds = sorted({over for rate in rates.values() if rate for over, _ in rate.tiers})
    return [
        {"above": over}
        | {name: f"{rate.price_at(over + 1):f}" for name, rate in rates.items() if rate}
        for over in thresholds
    ]
