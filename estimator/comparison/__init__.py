"""What the same requests cost at other providers, or with prompt caching."""

from estimator.comparison.quotes import Quote, quote_at_providers, quote_strata

__all__ = [
    "Quote",
    "quote_at_providers",
    "quote_strata",
]
