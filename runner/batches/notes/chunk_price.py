"""Chunk price: the price that a chunk was reserved by, which is the one that it is settled by.

Price lists may say something else, or nothing, by the time a batch is collected. So a chunk's note
has its price: what is billed at which time, and the highest of that time, as a plan pins both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from estimator.workload import PlannedModel
from pricing.rates import Offer, RateCard


def write_price(model: PlannedModel) -> dict[str, Any]:
    """Return the price of a model as a chunk's note has it.

    What other sources say is left out: it is in the highest price already.
    """
    own = replace(model.offer, alternatives=(), assumptions=())
    return {"offer": own.to_json(), "reserve": model.reserve.to_json()}


def price_as_reserved(model: PlannedModel, price: Mapping[str, Any] | None) -> PlannedModel:
    """Return a model with the price of a chunk's note.

    Args:
        model: as it is priced now.
        price: as of `write_price`; None of a chunk of an earlier version, which has none: then it
            stays as it is.

    Raises:
        ValueError, KeyError, TypeError: it is no such price.
    """
    if price is None:
        return model
    offer = Offer.from_json(price["offer"])
    reserve = RateCard.from_json(price["reserve"])
    return replace(model, offer=offer, card=reserve, reserve=reserve, caching=())


def has_price(model: PlannedModel, price: Mapping[str, Any] | None) -> bool:
    """Return whether a model is priced now as a chunk's note says.

    Args:
        model: as it is priced now.
        price: as of `write_price`; None of a chunk of an earlier version: that is not known.
    """
    own, of_chunk = (json.dumps(each, sort_keys=True) for each in (write_price(model), price))
    return own == of_chunk
