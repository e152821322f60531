"""Service tiers, and the request options that select them."""

from __future__ import annotations

# Request options that change the price, such as (service_tier, flex).
PriceOptions = tuple[tuple[str, str], ...]

SERVICE_TIERS: dict[str, PriceOptions] = {
    "batch": (("processing", "batch"),),
    "flex": (("service_tier", "flex"),),
    "priority": (("service_tier", "priority"),),
}
