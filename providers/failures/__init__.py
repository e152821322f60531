"""Failures: what a provider says when it does not answer, what that means and whether it bills."""

from providers.failures.failure import (
    Billed,
    Failure,
    FailureMeaning,
    FailureScope,
    describe_lost,
    describe_unsent,
)
from providers.failures.reading import read_failure

__all__ = [
    "Billed",
    "Failure",
    "FailureMeaning",
    "FailureScope",
    "describe_lost",
    "describe_unsent",
    "read_failure",
]
