"""A price of zero, where no cap could hold with it, and a price that is not there."""

from __future__ import annotations

import difflib
from datetime import date

from pricing.catalog import ModelName, explain_unpriced, find_search_fee
from pricing.errors import Disputed, Unpriced
from pricing.price_book.choice import format_prices
from pricing.rates import Offer
from pricing.sources import PRICE_FILE


def refuse_free(name: ModelName, offer: Offer, day: date) -> None:
    """Refuse a price of zero where other sources know a price: no cap could hold with it.

    Raises:
        Disputed: names the others' prices.
    """
    card = offer.tariff.typical(day)
    if offer.alternatives and not (card.input.base and card.output.base):
        known = ", ".join(f"{other.source} {format_prices(other)}" for other in offer.alternatives)
        raise Disputed(
            f"price of {name}: {card.source} says {format_prices(card)}, but others have "
            f"a price: {known}. Correct it in the price file, or remove it to use theirs"
        )


def refuse_free_service(name: ModelName, offer: Offer, service: str, day: date) -> None:
    """Refuse a price of the user's that is zero, anywhere in it, at a paid API.

    Raises:
        Disputed: names the API.
    """
    tariffs = [offer.tariff, *([offer.standard] if offer.standard else [])]
    for card in (tariff.typical(day) for tariff in tariffs):
        rates = (card.input, card.output)
        if not all(price for rate in rates for price in (rate.base, *(p for _, p in rate.tiers))):
            raise Disputed(
                f"price of {name}: {card.source} says {format_prices(card)}, but a price of zero "
                f"is only for a server of one's own, and its requests go to {service}'s. Set what "
                f"{service} bills"
            )


def make_unpriced_error(name: ModelName, ids: list[str]) -> Unpriced:
    """Return an error that says which ids a model's provider has, and what to write."""
    near = difflib.get_close_matches(name.id, ids, n=3, cutoff=0.6)
    hint = f" {name.provider} has {', '.join(near)}." if near else ""
    hint = explain_unpriced(name.provider, name.id, name.written) or hint
    if name.id.startswith("ft:"):
        hint = " A fine-tuned model costs more than its base, so the base's price is not taken."
    fee = find_search_fee(name.provider, name.id)
    more = f', per_request: "{fee.most_per_request.normalize():f}"' if fee else ""
    problem = (
        f"{name} is unpriced: no source has a price for model {name.id!r} at {name.provider}.{hint}"
    )
    line = f'{name}: {{input: "…", output: "…"{more}}}   # USD per million tokens'
    return Unpriced(problem, (line,), f"{PRICE_FILE} in the working folder")
