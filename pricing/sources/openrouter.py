"""OpenRouter's own list: `GET /api/v1/models`, in US dollars per token.

Each model has `pricing` with decimal strings: prompt, completion, internal_reasoning, request,
input_cache_read, input_cache_write, input_cache_write_1h; `overrides` hold other prices for prompts
of `min_prompt_tokens` or more. A negative price marks a router, whose price is unknown.
https://openrouter.ai/docs/api-reference/list-available-models
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from pricing.rates import Rate, RateCard, Tariff
from pricing.sources.field_validation import (
    MalformedPriceList,
    read_number,
    read_token_count,
    require_text,
)
from pricing.sources.table import PriceRows, make_row

PRICE_LIST_URL = "https://openrouter.ai/api/v1/models"
SOURCE_LABEL = "OpenRouter GET /api/v1/models"
_MILLION = Decimal(1_000_000)
_CACHE_FIELDS = {
    "cache_read": "input_cache_read",
    "cache_write": "input_cache_write",
    "cache_write_1h": "input_cache_write_1h",
}


def parse_openrouter(payload: object, day: date) -> PriceRows:
    """Parse the list; free models and routers are left out.

    Raises:
        MalformedPriceList: not OpenRouter's format; the text names the model and the field.
    """
    models = payload.get("data") if isinstance(payload, dict) else None
    if not isinstance(models, list):
        raise MalformedPriceList("expected an object with a list `data`")
    rows: dict[str, dict[str, Any]] = {}
    for model in models:
        name = require_text(model, "id")
        card = _parse_card(name, model.get("pricing"), day)
        if card is not None:
            ends = _parse_day(model.get("expiration_date"))
            window = read_token_count(model, "context_length")
            rows[name] = make_row(Tariff.flat_rate(card), window=window, retires=ends)
    return {"openrouter": rows}


def _parse_card(name: str, pricing: object, day: date) -> RateCard | None:
    if not isinstance(pricing, dict):
        raise MalformedPriceList(f"{name} has no pricing")
    prompt, completion = (
        read_number(pricing, name, key, allow_negative=True) for key in ("prompt", "completion")
    )
    if prompt is None or completion is None:
        raise MalformedPriceList(f"{name} has no price for prompt and completion")
    if prompt <= 0 or completion <= 0:
        return None
    pricing = _apply_peak_prices(name, pricing)
    prompt, completion = (
        read_number(pricing, name, key) or prompt for key in ("prompt", "completion")
    )
    reasoning = read_number(pricing, name, "internal_reasoning") or Decimal(0)
    steps = [_parse_step(name, each, pricing) for each in _filter_prompt_overrides(name, pricing)]
    out = [(at, max(p["completion"], p["internal_reasoning"])) for at, p in steps]
    rates = {
        field: _build_rate(value, [(at, p[key]) for at, p in steps if p[key]])
        for field, key in _CACHE_FIELDS.items()
        if (value := read_number(pricing, name, key))
    }
    return RateCard(
        provider="openrouter",
        model=name,
        input=_build_rate(prompt, [(at, p["prompt"]) for at, p in steps]),
        output=_build_rate(max(completion, reasoning), out),
        **rates,  # type: ignore[arg-type] # three rates
        per_request=read_number(pricing, name, "request") or Decimal(0),
        checked=day,
        source=SOURCE_LABEL,
    )


def _build_rate(per_token: Decimal, steps: list[tuple[int, Decimal]]) -> Rate:
    """Build a rate from prices per token."""
    prices = tuple((at, (price * _MILLION).normalize()) for at, price in steps)
    return Rate((per_token * _MILLION).normalize(), prices)


def _filter_prompt_overrides(name: str, pricing: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the overrides for long prompts."""
    return [each for each in _read_overrides(name, pricing) if "min_prompt_tokens" in each]


def _read_overrides(name: str, pricing: dict[str, Any]) -> list[dict[str, Any]]:
    given = pricing.get("overrides") or []
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise MalformedPriceList(f"{name}: overrides are not a list of objects")
    return given


def _apply_peak_prices(name: str, pricing: dict[str, Any]) -> dict[str, Any]:
    """Return the highest price of any hour: hourly overrides can only raise a price."""
    for override in _read_overrides(name, pricing):
        if "min_prompt_tokens" in override:
            continue
        for key in ("prompt", "completion", "internal_reasoning", *_CACHE_FIELDS.values()):
            peak, usual = read_number(override, name, key), read_number(pricing, name, key)
            if peak is not None and peak > (usual or 0):
                pricing = pricing | {key: peak}
    return pricing


def _parse_step(
    name: str, override: dict[str, Any], pricing: dict[str, Any]
) -> tuple[int, dict[str, Decimal]]:
    least = override["min_prompt_tokens"]
    if not isinstance(least, int) or isinstance(least, bool) or least < 1:
        raise MalformedPriceList(f"{name}: min_prompt_tokens is {least!r}")
    keys = ("prompt", "completion", "internal_reasoning", *_CACHE_FIELDS.values())
    prices = {key: read_number(pricing | override, name, key) or Decimal(0) for key in keys}
    if not prices["prompt"] or not prices["completion"]:
        raise MalformedPriceList(f"{name}: prompts of {least} tokens or more have no price")
    return least - 1, prices


def _parse_day(value: object) -> str | None:
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        return None
