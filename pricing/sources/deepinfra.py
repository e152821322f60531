"""DeepInfra's own list: `GET /models/list`, in US cents per token.

`pricing` of a text model has type `tokens`, `cents_per_input_token` and `cents_per_output_token`;
what is read from a cache and the service tiers are multiples of them. A promotion is a `discount`
off everything until `discount_ends_at`. Steps for long prompts stand only in the prose of `full`,
so models with such are left to the other sources.
https://api.deepinfra.com/models/list
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pricing.rates.rate_card import Rate, RateCard
from pricing.rates.tariff import Period, Tariff
from pricing.sources.field_validation import Misread, number, text, tokens
from pricing.sources.table import Rows, row

URL = "https://api.deepinfra.com/models/list"
SOURCE = "DeepInfra GET /models/list"
_CENTS_PER_TOKEN = Decimal(10_000)  # of a price of 1 USD per million tokens
_TIERS = {"flex": "rate_per_service_tier_flex", "priority": "rate_per_service_tier_priority"}


def read(payload: Any, day: date) -> Rows:  # noqa: ANN401 - whatever was answered
    """Read the list; models that are not priced by tokens are left out.

    Raises:
        Misread: it is not what DeepInfra answers; the text names the model and the field.
    """
    if not isinstance(payload, list):
        raise Misread("expected a list of models")
    rows: dict[str, dict[str, Any]] = {}
    for model in payload:
        name, pricing = text(model, "model_name"), model.get("pricing")
        if not isinstance(pricing, dict) or pricing.get("type") != "tokens" or _has_steps(pricing):
            continue
        made = _row(name, pricing, model, day)
        if made is not None:
            rows[name] = made
    return {"deepinfra": rows}


def _row(
    name: str, pricing: dict[str, Any], model: dict[str, Any], day: date
) -> dict[str, Any] | None:
    tariff = _tariff(name, pricing, day)
    if tariff is None:
        return None
    made = row(tariff, window=tokens(model, "max_tokens"))
    for tier, key in _TIERS.items():
        if (times := number(pricing, name, key)) and times > 0:
            dearer = _times(tariff, times)
            made["offers"].append({"asked": {"service_tier": tier}, "tariff": dearer.to_json()})
    return made


def _times(tariff: Tariff, factor: Decimal) -> Tariff:
    return tariff.each(lambda card: card.times(factor))


def _tariff(name: str, pricing: dict[str, Any], day: date) -> Tariff | None:
    entry = number(pricing, name, "cents_per_input_token")
    output = number(pricing, name, "cents_per_output_token")
    if entry is None or output is None:
        raise Misread(f"{name} has no price for input and output")
    if entry <= 0 or output <= 0:
        return None
    cached = number(pricing, name, "rate_per_input_token_cached")
    per_million = (entry * _CENTS_PER_TOKEN).normalize()
    listed = RateCard(
        provider="deepinfra",
        model=name,
        input=Rate(per_million),
        output=Rate((output * _CENTS_PER_TOKEN).normalize()),
        cache_read=Rate((per_million * cached).normalize()) if cached else None,
        checked=day,
        source=SOURCE,
    )
    discount = number(pricing, name, "discount") or Decimal(0)
    if not 0 <= discount < 1:
        raise Misread(f"{name}: discount is {discount}")
    if not discount:
        return Tariff.flat(listed)
    now = Period(listed.times(1 - discount))
    ends = _end(name, pricing.get("discount_ends_at"))
    return Tariff((now, Period(listed, ends)) if ends else (now,))


def _end(name: str, value: object) -> date | None:
    """Give the day of a promotion's end, in UTC: all of that day is taken at the list price."""
    if value is None:
        return None
    try:
        ends = datetime.fromisoformat(str(value))
        return (ends if ends.tzinfo is None else ends.astimezone(UTC)).date()
    except (ValueError, OverflowError):
        raise Misread(f"{name}: discount_ends_at is {value!r}") from None


def _has_steps(pricing: dict[str, Any]) -> bool:
    full = str(pricing.get("full") or "")
    return "<=" in full or ">" in full
