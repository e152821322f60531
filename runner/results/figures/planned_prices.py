"""Planned prices: what each model of a plan costs, by which source, and what others say."""

from __future__ import annotations

from typing import Any

from estimator.plan import Plan
from estimator.workload import PlannedModel
from pricing.rates import TOKEN_CLASSES, Rate, RateCard, price_ratio

_AGREES = 1


def list_planned_prices(plan: Plan) -> list[dict[str, Any]]:
    """Return each model of a plan as JSON, in the plan's order: its roles and its pinned price.

    Prices are decimal strings, in US dollars per million tokens; null where a class has none of
    its own. `per_request` is in US dollars.
    """
    roles: dict[str, list[str]] = {}
    for stratum in plan.strata:
        known = roles.setdefault(stratum.model, [])
        if stratum.stage not in known:
            known.append(stratum.stage)
    return [_describe_model(plan.models[written], found) for written, found in roles.items()]


def _describe_model(model: PlannedModel, roles: list[str]) -> dict[str, Any]:
    card = model.card
    others = [_describe_other(card, other) for other in model.offer.alternatives]
    return {
        "provider": model.name.provider,
        "model": model.name.short_name,
        "id": model.name.id,
        "roles": roles,
        **{name: _write_rate(getattr(card, name)) for name in TOKEN_CLASSES},
        "long_prompts": _list_steps(card),
        "per_request": f"{card.per_request:f}",
        "extra": {name: f"{rate.base:f}" for name, rate in card.extra},
        "asked": dict(model.offer.options),
        "source": card.source,
        "checked": card.checked and card.checked.isoformat(),
        "chosen_by_user": model.offer.user_chosen,
        "others": others,
        "others_agree": sum(each["agrees"] for each in others),
        "tokenizer": model.tokenizer.name,
        "exactness": model.tokenizer.exactness.value,
    }


def _describe_other(own: RateCard, other: RateCard) -> dict[str, Any]:
    ratio = price_ratio(own, other)
    return {
        "source": other.source,
        "checked": other.checked and other.checked.isoformat(),
        "input": _write_rate(other.input),
        "output": _write_rate(other.output),
        "apart": f"{ratio.normalize():f}",
        "agrees": ratio == _AGREES,
    }


def _write_rate(rate: Rate | None) -> str | None:
    return None if rate is None else f"{rate.base:f}"


def _list_steps(card: RateCard) -> list[dict[str, Any]]:
    """Return what longer prompts cost: from above so many tokens on."""
    rates = {name: rate for name in TOKEN_CLASSES if (rate := getattr(card, name)) is not None}
    steps = sorted({over for rate in rates.values() for over in rate.thresholds})
    return [
        {"above": over}
        | {name: f"{rate.price_at(over + 1):f}" for name, rate in rates.items() if rate.tiers}
        for over in steps
    ]
