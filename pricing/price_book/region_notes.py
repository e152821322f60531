"""Region notes: for which region a price is, where the same model has another one elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pricing.catalog import ModelName, find_global_id, find_region_rule, find_regional_id
from pricing.price_book.choice import format_prices
from pricing.rates import RateCard, price_ratio


def list_region_notes(
    name: ModelName, card: RateCard, prices_of: Callable[[str], list[RateCard]]
) -> Iterator[str]:
    """Yield what to say about the region that a price is for.

    Args:
        name: the model.
        card: its price.
        prices_of: returns what every source says of another id at the same provider.
    """
    if rule := find_region_rule(name.provider, name.id):
        yield f"price of {name}: {rule}"
    for find_other, here, there in (
        (find_global_id, "in one region or geography", "anywhere"),
        (find_regional_id, "anywhere", "in one region or geography"),
    ):
        other_id = find_other(name.provider, name.id)
        others = prices_of(other_id) if other_id else []
        if others and price_ratio(card, others[0]) > 1:
            yield (
                f"price of {name}: {format_prices(card)}, {here}; "
                f"{there}, as {other_id}, it costs {format_prices(others[0])}"
            )
