"""What a judge answers, the fields of its verdict and their values, and how its votes count."""

from experiment.definition.judges.verdict_field import (
    FieldValue,
    VerdictField,
    normalize_name,
    normalize_word,
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
    "FieldValue",
    "VerdictField",
    "VerdictFormat",
    "VoteRule",
    "count_votes",
    "normalize_name",
    "normalize_word",
]
