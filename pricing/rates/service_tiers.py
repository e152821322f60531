"""Service tiers: what a request asks for that moves its price."""

from __future__ import annotations

PriceOptions = tuple[
    tuple[str, str], ...
]  # what moves a request's price, such as (service_tier, flex)

SERVICE_TIERS: dict[str, PriceOptions] = {  # what a researcher calls them -> what asks for them
    "batch": (("processing", "batch"),),
    "flex": (("service_tier", "flex"),),
    "priority": (("service_tier", "priority"),),
}
