"""A sequential test while it runs: blocks of complete queries, and the record of its looks."""

from runner.sequential.block_queue import BlockQueue
from runner.sequential.recorded_looks import (
    RecordedLooks,
    SequentialResult,
    read_looks,
    record_looks,
)

__all__ = [
    "BlockQueue",
    "RecordedLooks",
    "SequentialResult",
    "read_looks",
    "record_looks",
]
