"""Failures: what a provider says when it does not answer, what that means and whether it bills."""

from providers.failures.failure import (
    Billed,
    Failure,
    FailureMeaning,
    FailureScope,
    describe_lost,
    describe_unreadable,
    describe_unsent,
)
from providers.failures.free_answers import read_free_answer
from providers.failures.mend import describe_mend
from providers.failures.reading import carries_error, read_failure

__all__ = [
    "Billed",
    "Failure",
    "FailureMeaning",
    "FailureScope",
    "carries_error",
    "describe_lost",
    "describe_mend",
    "describe_unreadable",
    "describe_unsent",
    "read_failure",
    "read_free_answer",
]
