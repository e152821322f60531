"""Fetch price lists; each is replaced whole or not at all."""

from pricing.refresh.update import PriceFeed, list_feeds, update_feed

__all__ = [
    "PriceFeed",
    "list_feeds",
    "update_feed",
]
