"""The price book: what a model costs by the best source, and what other sources report."""

from pricing.price_book.book import PriceBook

__all__ = ["PriceBook"]
