"""A sequential test while it runs: blocks of complete queries, and the record of its looks."""

from runner.sequential.course import SequentialCourse
from runner.sequential.recorded_looks import (
    RecordedLooks,
    SequentialResult,
    find_looks,
    read_looks,
    read_more_looks,
    record_looks,
)

__all__ = [
    "RecordedLooks",
    "SequentialCourse",
    "SequentialResult",
    "find_looks",
    "read_looks",
    "read_more_looks",
    "record_looks",
]
