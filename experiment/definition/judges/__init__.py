"""What a judge reads, and what it answers: the fields of its verdict and their values."""

from experiment.definition.judges.selection import (
    WHEN_TAGS,
    Selection,
    When,
    find_selection_faults,
    find_unread_kinds,
    list_awaited,
    order_judges,
)
from experiment.definition.judges.verdict_format import (
    DEFAULT_VERDICT,
    VERDICT_SCHEMA,
    VerdictFormat,
    normalize_name,
    normalize_word,
)

__all__ = [
    "DEFAULT_VERDICT",
    "VERDICT_SCHEMA",
    "WHEN_TAGS",
    "Selection",
    "VerdictFormat",
    "When",
    "find_selection_faults",
    "find_unread_kinds",
    "list_awaited",
    "normalize_name",
    "normalize_word",
    "order_judges",
]
