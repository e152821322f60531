"""Batches: what each came to, what its price saved against calls, and how strata were asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from estimator.forecast import Stratum, price_strata
from estimator.plan import Plan
from estimator.processing import Way, find_way
from estimator.workload import StratumKey
from pricing.money import Money, money_from_float
from pricing.rates import RateCard
from runner.ledger import ChunkCost, ChunkNote, ChunkPart
from runner.results.figures.run_part import PartRun
from runner.results.figures.stratum_actual import StratumActual

_PROMPT = ("input", "cache_read", "cache_write")
_Key = tuple[str, str]  # stage, and model as written


def list_batches(plan: Plan, costs: Sequence[ChunkCost]) -> list[dict[str, Any]]:
    """Return each batch as JSON, in the order in which they were begun.

    `planned_usd` is what its answers were planned to cost, of one that is away its requests;
    `calls_usd` what they would have cost as calls, by the pinned prices; both are null where the
    plan does not know its model, and the latter also where it was planned by an earlier version.
    """
    planned = {each.key: each for each in plan.strata}
    return [_describe(plan, planned, each) for each in costs]


def list_batching(plan: Plan, run: PartRun, costs: Sequence[ChunkCost]) -> list[dict[str, Any]]:
    """Return each stage of a model that was asked in batches as JSON, with what they saved.

    `planned` is that of the share that was run; its `saved_usd` is null where they were not planned
    in batches.
    """
    found: dict[_Key, list[ChunkCost]] = defaultdict(list)
    for each in costs:
        found[each.note.stage, each.note.model].append(each)
    return [_sum_up(plan, run, key, own) for key, own in found.items()]


def count_ways(
    plan: Plan, planned: Stratum, actual: StratumActual, batched: Mapping[StratumKey, int]
) -> dict[str, int]:
    """Return how many answers of a stratum came in which way.

    Args:
        plan: of the run.
        planned: the stratum.
        actual: what it came to.
        batched: of `count_batched`.
    """
    answered = max(actual.requests, actual.turns)
    in_batches = min(batched.get(planned.key, 0), answered)
    way = find_way(plan.models[planned.model])
    rest = Way.FLEX if way is Way.FLEX else Way.CALLS
    counts = {Way.CALLS: 0, Way.FLEX: 0, Way.BATCH: in_batches}
    counts[rest] += answered - in_batches
    return {way.value: count for way, count in counts.items()}


def count_batched(costs: Sequence[ChunkCost]) -> dict[StratumKey, int]:
    """Return how many answers of each stage, model and condition came in batches."""
    counts: dict[StratumKey, int] = defaultdict(int)
    for cost in costs:
        for part in cost.parts:
            counts[StratumKey(cost.note.stage, cost.note.model, part.condition)] += part.answered
    return counts


def _describe(plan: Plan, planned: Mapping[StratumKey, Stratum], cost: ChunkCost) -> dict[str, Any]:
    note = cost.note
    calls = _price_as_calls(plan, cost)
    return {
        "id": note.chunk,
        "batch": note.batch,
        "state": note.state.value,
        "status": note.status,
        **_name(plan, note.stage, note.model),
        "requests": note.lines,
        "settled": note.settled,
        "held": note.held,
        "released": note.released,
        "cost_usd": cost.settled.to_decimal_string(),
        "planned_usd": _write(_sum_planned(planned, cost)),
        "calls_usd": _write(calls),
        "seconds": None if cost.seconds is None else round(cost.seconds, 3),
        "was_awaited": cost.was_awaited,
        "problem": note.problem,
    }


def _sum_up(plan: Plan, run: PartRun, key: _Key, costs: Sequence[ChunkCost]) -> dict[str, Any]:
    stage, model = key
    billed = sum((each.settled for each in costs), Money())
    as_calls = [_price_as_calls(plan, each) for each in costs]
    known = [each for each in as_calls if each is not None]
    is_known = len(known) == len(costs)
    return {
        **_name(plan, stage, model),
        "batches": len(costs),
        "away": sum(each.note.is_open for each in costs),
        "requests": sum(each.note.lines for each in costs),
        "answered": sum(part.answered for each in costs for part in each.parts),
        "cost_usd": billed.to_decimal_string(),
        "saved_usd": _write(sum(known) - billed.as_float) if is_known else None,
        "planned": {"saved_usd": _write(_plan_saving(plan, run, key, costs))},
    }


def _name(plan: Plan, stage: str, model: str) -> dict[str, str]:
    found = plan.models.get(model)
    return {
        "stage": stage,
        "provider": found.name.provider if found else "",
        "model": found.name.short_name if found else model,
    }


def _find_calls_card(plan: Plan, note: ChunkNote) -> RateCard | None:
    """Return what a batch's requests would have cost as calls when it was sent, if it is known."""
    model = plan.models.get(note.model)
    if model is None:
        return None
    tariff = model.offer.calls if model.offer.is_batch else model.offer.tariff
    when = note.asked_at or note.intended_at
    return None if tariff is None else tariff.highest_on(datetime.fromisoformat(when).date())


def _price_as_calls(plan: Plan, cost: ChunkCost) -> float | None:
    """Return what a batch's answers would have cost as calls, in US dollars; None if unknown.

    What was booked above their usage would have been booked of calls as well. Where the plan has no
    price of batches, it cannot be told from the rest.
    """
    card = _find_calls_card(plan, cost.note)
    if card is None:
        return None
    settled, as_calls = cost.settled.as_float, _price_parts(card, cost)
    model = plan.models[cost.note.model]
    if model.offer.is_batch:
        in_batches = _price_parts(model.card, cost)
        return settled * as_calls / in_batches if in_batches else settled
    return None if any(each.noted for each in cost.parts) else as_calls


def _price_parts(card: RateCard, cost: ChunkCost) -> float:
    return sum(_price_part(card, each) for each in cost.parts)


def _price_part(card: RateCard, part: ChunkPart) -> float:
    """Return what a part's answers cost at a price; the average prompt decides its tier."""
    if not part.answered:
        return 0.0
    prompt = round(sum(getattr(part, name) for name in _PROMPT) / part.answered)
    tokens: float = sum(
        getattr(part, name) * float(card.rate_of_class(name).price_at(prompt))
        for name in (*_PROMPT, "output")
    )
    return tokens / 1e6 + part.answered * float(card.per_request)


def _sum_planned(planned: Mapping[StratumKey, Stratum], cost: ChunkCost) -> float | None:
    """Return what a batch's answers were planned to cost; of one that is away, its requests."""
    total, note = 0.0, cost.note
    for part in cost.parts:
        stratum = planned.get(StratumKey(note.stage, note.model, part.condition))
        if stratum is None:
            return None
        expected = stratum.requests if stratum.expected is None else stratum.expected
        count = part.attempts if note.is_open else part.answered
        total += stratum.cost.mean * count / expected if expected else 0.0
    return total


def _plan_saving(plan: Plan, run: PartRun, key: _Key, costs: Sequence[ChunkCost]) -> float | None:
    """Return what batches were planned to save of the share that was run; None if not planned."""
    model = plan.models.get(key[1])
    if model is None or not model.offer.is_batch:
        return None
    card = _find_calls_card(plan, costs[0].note)
    if card is None:
        return None
    return sum(
        share * (price_strata([planned], card) - price_strata([planned], model.card))
        for (planned, _), share in zip(run.strata, run.shares, strict=True)
        if (planned.stage, planned.model) == key and planned.requests
    )


def _write(dollars: float | None) -> str | None:
    return None if dollars is None else money_from_float(dollars).to_decimal_string()
