"""What a judge reads, what it answers in which fields, and how its votes count."""

from experiment.definition.judges.selection import (
    WHEN_TAGS,
    Selection,
    When,
    count_waits,
    find_selection_faults,
    find_unread_kinds,
    list_awaited,
    order_judges,
)
from experiment.definition.judges.verdict_field import (
    FieldValue,
    VerdictField,
    normalize_name,
    normalize_word,
    unify_word,
)
from experiment.definition.judges.verdict_format import (
    COMPLIANCE,
    DEFAULT_VERDICT,
    REFUSAL,
    VERDICT_SCHEMA,
    VerdictFormat,
)
from experiment.definition.judges.vote_rule import VoteRule, count_votes

__all__ = [
    "COMPLIANCE",
    "DEFAULT_VERDICT",
    "REFUSAL",
    "VERDICT_SCHEMA",
    "WHEN_TAGS",
    "FieldValue",
    "Selection",
    "VerdictField",
    "VerdictFormat",
    "VoteRule",
    "When",
    "count_votes",
    "count_waits",
    "find_selection_faults",
    "find_unread_kinds",
    "list_awaited",
    "normalize_name",
    "normalize_word",
    "order_judges",
    "unify_word",
]
