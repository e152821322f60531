"""What the same requests cost at other providers, or with prompt caching."""

from estimator.comparison.prompt_caching import PromptPrefix, find_common_prefix
from estimator.comparison.quotes import Quote, quote_at_providers, quote_strata

__all__ = [
    "PromptPrefix",
    "Quote",
    "find_common_prefix",
    "quote_at_providers",
    "quote_strata",
]
