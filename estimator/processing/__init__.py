"""How models are asked: by calls, at a lower priority, or in batches; what is done by a time.

Reading order: `batch_price` (a plan's prices in batches), `way` (how a model can be asked),
`deadline` (the cheapest ways in time), `start_time` (hours with lower prices).
"""

from estimator.processing.batch_price import (
    batch_offer,
    is_far_below,
    prefers_calls,
    price_as_batch,
)
from estimator.processing.deadline import ChosenWays, FindTime, NotInTime, choose_ways
from estimator.processing.start_time import LaterStart, find_later_start
from estimator.processing.way import Way, WayOffer, ask_models, find_way, list_ways

__all__ = [
    "ChosenWays",
    "FindTime",
    "LaterStart",
    "NotInTime",
    "Way",
    "WayOffer",
    "ask_models",
    "batch_offer",
    "choose_ways",
    "find_later_start",
    "find_way",
    "is_far_below",
    "list_ways",
    "prefers_calls",
    "price_as_batch",
]
