"""Exports: an estimate as stable JSON, and every request of it as csv or jsonl."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

from estimator.errors import EstimatorError
from estimator.forecast.stratum import Stratum
from estimator.plan.other_providers import elsewhere
from estimator.plan.planner import Each, Estimate
from estimator.workload.tally import Counted
from pricing.catalog.model_names import ModelName
from pricing.money import Money, from_float
from pricing.rates.offer import Offer
from pricing.rates.rate_card import CLASSES, Rate, RateCard

SCHEMA = "afcost.estimate/1"
_FIELDS = [
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


def estimate_json(estimate: Estimate, saved: Path | None) -> dict[str, Any]:
    """Give an estimate as JSON; money as decimal strings of US dollars.

    Args:
        estimate: what to give.
        saved: the plan's file, where it was saved.
    """
    plan = estimate.plan
    return {
        "schema": SCHEMA,
        "experiment": {"name": plan.name, "digest": plan.experiment_digest},
        "plan": {"file": saved and str(saved), "digest": plan.digest},
        "strata": [_stratum(estimate, stratum) for stratum in plan.strata],
        "total": {
            "requests": plan.requests_in_all,
            "input_tokens": sum(stratum.input_tokens for stratum in plan.strata),
            "output_tokens": round(sum(stratum.output.mean for stratum in plan.strata)),
            "cost_usd": plan.total.to_json(),
        },
        "elsewhere": [
            {
                "model": str(plan.models[written].name),
                "provider": provider,
                "cost_usd": from_float(cost).exact(),
            }
            for written in estimate.experiment.spec.models
            for provider, cost in elsewhere(estimate, written)
        ],
        "assumptions": list(plan.assumptions),
        "warnings": list(plan.warnings),
    }


@contextmanager
def exporter(path: Path) -> Iterator[Each]:
    """Write requests one by one, as they are counted; see `estimate`.

    Raises:
        EstimatorError: not a csv or jsonl file, or it cannot be written.
    """
    if path.suffix not in {".csv", ".jsonl"}:
        raise EstimatorError(f"--requests {path} must end in .csv or .jsonl")
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            if path.suffix == ".csv":
                rows = csv.DictWriter(file, _FIELDS, lineterminator="\n")
                rows.writeheader()
                yield lambda *each: rows.writerow(_row(*each))
            else:
                yield lambda *each: print(json.dumps(_row(*each)), file=file)
    except OSError as error:
        raise EstimatorError(f"cannot write --requests {path}: {error.strerror}") from error


def _row(counted: Counted, name: ModelName, likely: float, ceiling: Money) -> dict[str, Any]:
    request = counted.request
    return {
        "id": request.id,
        "stage": request.stage,
        "provider": name.provider,
        "model": name.short,
        "condition": request.condition,
        "query": request.query,
        "sample": request.sample,
        "vote": request.vote,
        "input_tokens": counted.count.tokens,
        "exactness": counted.count.exactness.value,
        "max_tokens": request.max_tokens,
        "cost_mean_usd": from_float(likely).exact(),
        "cost_ceiling_usd": ceiling.exact(),
    }


def _stratum(estimate: Estimate, stratum: Stratum) -> dict[str, Any]:
    model = estimate.plan.models[stratum.model]
    return {
        "stage": stratum.stage,
        "provider": model.name.provider,
        "model": model.name.short,
        "model_id": model.name.id,
        "condition": stratum.condition,
        "requests": stratum.requests,
        "input_tokens": stratum.input_tokens,
        "exactness": stratum.exactness,
        "tokenizer": model.tokenizer.name,
        "output_tokens": stratum.output.to_json()
        | {"basis": stratum.basis, "source": stratum.source},
        "cost_usd": stratum.cost.to_json(),
        "price": price_json(model.offer, model.card, estimate.book.day),
    }


def price_json(offer: Offer, card: RateCard, day: date) -> dict[str, Any]:
    """Give a card's prices in USD per million tokens, as strings; null where none is known.

    Args:
        offer: with what other sources say.
        card: of the offer, on the day that counts.
        day: today, for what other sources say.
    """
    rates = {name: getattr(card, name) for name in CLASSES}
    apart = offer.disagreement(day)
    return {
        **{name: rate and f"{rate.base:f}" for name, rate in rates.items()},
        "tiers": _tiers(rates),
        "per_request": f"{card.per_request:f}",
        "checked": card.checked and card.checked.isoformat(),
        "source": card.source,
        "disagreement": None if apart is None else str(apart),
    }


def _tiers(rates: dict[str, Rate | None]) -> list[dict[str, Any]]:
    thresholds = sorted({over for rate in rates.values() if rate for over, _ in rate.tiers})
    return [
        {"above": over} | {name: f"{rate.at(over + 1):f}" for name, rate in rates.items() if rate}
        for over in thresholds
    ]
