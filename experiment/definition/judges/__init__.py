"""What a judge answers: the fields of its verdict and their values."""

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
    "VerdictFormat",
    "normalize_name",
    "normalize_word",
]
