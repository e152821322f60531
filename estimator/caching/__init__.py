"""What prompts share, and whether their provider bills that as cached."""

from typing import TYPE_CHECKING

from estimator.caching.choice import CachingChoice, choose_caching
from estimator.caching.notes import CACHE_NOTE, list_caching_notes
from experiment.lazy_names import import_on_demand

if TYPE_CHECKING:
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

__getattr__ = import_on_demand(
    __name__,
    {
        "PromptPrefix": "shared_prefixes",
        "SharedPrefix": "shared_prefixes",
        "find_common_prefix": "shared_prefixes",
        "find_shared_prefixes": "shared_prefixes",
    },
)
