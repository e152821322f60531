"""Prices: rates, what a model costs, quotes, what changed."""
