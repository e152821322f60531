"""What prompts share, and whether their provider bills that as cached."""

from estimator.caching.choice import CachingChoice, choose_caching
from estimator.caching.notes import CACHE_NOTE, list_caching_notes
from estimator.caching.shared_prefixes import (
    PromptPrefix,
    SharedPrefix,
    find_common_prefix,
    find_shared_prefixes,
)

__all__ = [
    "CACHE_NOTE",
    "CachingChoice",
    "PromptPrefix",
    "SharedPrefix",
    "choose_caching",
    "find_common_prefix",
    "find_shared_prefixes",
    "list_caching_notes",
]
