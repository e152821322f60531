"""OpenRouter's own list: `GET /api/v1/models`, in US dollars per token.

Each model has `pricing` with decimal strings: prompt, completion, internal_reasoning, request,
input_cache_read, input_cache_write, input_cache_write_1h; `overrides` hold other prices for prompts
of `min_prompt_tokens` or more. A negative price marks a router, whose price nobody can tell.
https://openrouter.ai/docs/api-reference/list-available-models
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from pricing.rates.rate_card import Rate, RateCard
from pricing.rates.tariff import Tariff
from pricing.sources.field_validation import Misread, number, text, tokens
from pricing.sources.table import Rows, row

URL = "https://openrouter.ai/api/v1/models"
SOURCE = "OpenRouter GET /api/v1/models"
_MILLION = Decimal(1_000_000)
_RATES = {
    "cache_read": "input_cache_read",
    "cache_write": "input_cache_write",
    "cache_write_1h": "input_cache_write_1h",
}


def read(payload: Any, day: date) -> Rows:  # noqa: ANN401 - whatever was answered
    """Read the list; free models and routers are left out.

    Raises:
        Misread: it is not what OpenRouter documents; the text names the model and the field.
    """
    models = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(models, list):
        raise Misread("expected an object with a list `data`")
    rows: dict[str, dict[str, Any]] = {}
    for model in models:
        name = text(model, "id")
        card = _card(name, model.get("pricing"), day)
        if card is not None:
            ends = _day(model.get("expiration_date"))
            window = tokens(model, "context_length")
            rows[name] = row(Tariff.flat(card), window=window, retires=ends)
    return {"openrouter": rows}


def _card(name: str, pricing: Any, day: date) -> RateCard | None:  # noqa: ANN401
    if not isinstance(pricing, dict):
        raise Misread(f"{name} has no pricing")
    prompt, completion = (
        number(pricing, name, key, negative=True) for key in ("prompt", "completion")
    )
    if prompt is None or completion is None:
        raise Misread(f"{name} has no price for prompt and completion")
    if prompt <= 0 or completion <= 0:
        return None
    pricing = _at_any_hour(name, pricing)
    prompt, completion = (number(pricing, name, key) or prompt for key in ("prompt", "completion"))
    reasoning = number(pricing, name, "internal_reasoning") or Decimal(0)
    steps = [_step(name, each, pricing) for each in _overrides(name, pricing)]
    out = [(at, max(p["completion"], p["internal_reasoning"])) for at, p in steps]
    rates = {
        field: _rate(value, [(at, p[key]) for at, p in steps if p[key]])
        for field, key in _RATES.items()
        if (value := number(pricing, name, key))
    }
    return RateCard(
        provider="openrouter",
        model=name,
        input=_rate(prompt, [(at, p["prompt"]) for at, p in steps]),
        output=_rate(max(completion, reasoning), out),
        **rates,  # type: ignore[arg-type] # three rates
        per_request=number(pricing, name, "request") or Decimal(0),
        checked=day,
        source=SOURCE,
    )


def _rate(per_token: Decimal, steps: list[tuple[int, Decimal]]) -> Rate:
    """Give a rate of prices of a token."""
    prices = tuple((at, (price * _MILLION).normalize()) for at, price in steps)
    return Rate((per_token * _MILLION).normalize(), prices)


def _overrides(name: str, pricing: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the prices of long prompts."""
    return [each for each in _all_overrides(name, pricing) if "min_prompt_tokens" in each]


def _all_overrides(name: str, pricing: dict[str, Any]) -> list[dict[str, Any]]:
    given = pricing.get("overrides") or []
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise Misread(f"{name}: overrides are not a list of objects")
    return given


def _at_any_hour(name: str, pricing: dict[str, Any]) -> dict[str, Any]:
    """Give prices that are the dearest of any hour: overrides for hours only ever raise them."""
    for override in _all_overrides(name, pricing):
        if "min_prompt_tokens" in override:
            continue
        for key in ("prompt", "completion", "internal_reasoning", *_RATES.values()):
            dearer, usual = number(override, name, key), number(pricing, name, key)
            if dearer is not None and dearer > (usual or 0):
                pricing = pricing | {key: dearer}
    return pricing


def _step(
    name: str, override: dict[str, Any], pricing: dict[str, Any]
) -> tuple[int, dict[str, Decimal]]:
    least = override["min_prompt_tokens"]
    if not isinstance(least, int) or isinstance(least, bool) or least < 1:
        raise Misread(f"{name}: min_prompt_tokens is {least!r}")
    keys = ("prompt", "completion", "internal_reasoning", *_RATES.values())
    prices = {key: number(pricing | override, name, key) or Decimal(0) for key in keys}
    if not prices["prompt"] or not prices["completion"]:
        raise Misread(f"{name}: prompts of {least} tokens or more have no price")
    return least - 1, prices


def _day(value: object) -> str | None:
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        return None
