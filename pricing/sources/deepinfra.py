"""DeepInfra's own list: `GET /models/list`, in US cents per token.

`pricing` of a text model has type `tokens`, `cents_per_input_token` and `cents_per_output_token`;
cached input and service tiers are multiples of them. A promotion is a `discount` off everything
until `discount_ends_at`. Steps for long prompts are described only in the text of `full`, so models
with steps are left to the other sources.
https://api.deepinfra.com/models/list
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pricing.rates import Period, Rate, RateCard, Tariff
from pricing.sources.field_validation import (
    MalformedPriceList,
    read_number,
    read_token_count,
    require_text,
)
from pricing.sources.table import PriceRows, make_row

PRICE_LIST_URL = "https://api.deepinfra.com/models/list"
SOURCE_LABEL = "DeepInfra GET /models/list"
_CENTS_PER_TOKEN = Decimal(10_000)  # a price of one cent per token, in USD per million tokens
_TIER_FIELDS = {"flex": "rate_per_service_tier_flex", "priority": "rate_per_service_tier_priority"}


def parse_deepinfra(payload: object, day: date) -> PriceRows:
    """Parse the list; models that are not priced by tokens are left out.

    Raises:
        MalformedPriceList: not DeepInfra's format; the text names the model and the field.
    """
    if not isinstance(payload, list):
        raise MalformedPriceList("expected a list of models")
    rows: dict[str, dict[str, Any]] = {}
    for model in payload:
        name, pricing = require_text(model, "model_name"), model.get("pricing")
        if not isinstance(pricing, dict) or pricing.get("type") != "tokens" or _has_steps(pricing):
            continue
        row = _parse_model(name, pricing, model, day)
        if row is not None:
            rows[name] = row
    return {"deepinfra": rows}


def _parse_model(
    name: str, pricing: dict[str, Any], model: dict[str, Any], day: date
) -> dict[str, Any] | None:
    tariff = _parse_tariff(name, pricing, day)
    if tariff is None:
        return None
    row = make_row(tariff, window=read_token_count(model, "max_tokens"))
    for tier, key in _TIER_FIELDS.items():
        if (times := read_number(pricing, name, key)) and times > 0:
            scaled = _scale_tariff(tariff, times)
            row["offers"].append({"asked": {"service_tier": tier}, "tariff": scaled.to_json()})
    return row


def _scale_tariff(tariff: Tariff, factor: Decimal) -> Tariff:
    return tariff.map_cards(lambda card: card.scaled(factor))


def _parse_tariff(name: str, pricing: dict[str, Any], day: date) -> Tariff | None:
    prompt = read_number(pricing, name, "cents_per_input_token")
    output = read_number(pricing, name, "cents_per_output_token")
    if prompt is None or output is None:
        raise MalformedPriceList(f"{name} has no price for input and output")
    if prompt <= 0 or output <= 0:
        return None
    cached = read_number(pricing, name, "rate_per_input_token_cached")
    per_million = (prompt * _CENTS_PER_TOKEN).normalize()
    listed = RateCard(
        provider="deepinfra",
        model=name,
        input=Rate(per_million),
        output=Rate((output * _CENTS_PER_TOKEN).normalize()),
        cache_read=Rate((per_million * cached).normalize()) if cached else None,
        checked=day,
        source=SOURCE_LABEL,
    )
    discount = read_number(pricing, name, "discount") or Decimal(0)
    if not 0 <= discount < 1:
        raise MalformedPriceList(f"{name}: discount is {discount}")
    if not discount:
        return Tariff.flat_rate(listed)
    promotion = Period(listed.scaled(1 - discount))
    ends = _parse_discount_end(name, pricing.get("discount_ends_at"))
    return Tariff((promotion, Period(listed, ends)) if ends else (promotion,))


def _parse_discount_end(name: str, value: object) -> date | None:
    """Return the day a promotion ends, in UTC; the list price applies on all of that day."""
    if value is None:
        return None
    try:
        ends = datetime.fromisoformat(str(value))
        return (ends if ends.tzinfo is None else ends.astimezone(UTC)).date()
    except (ValueError, OverflowError):
        raise MalformedPriceList(f"{name}: discount_ends_at is {value!r}") from None


def _has_steps(pricing: dict[str, Any]) -> bool:
    full = str(pricing.get("full") or "")
    return "<=" in full or ">" in full
