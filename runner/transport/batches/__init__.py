"""Sending batches, looking after them, and reading their results line by line."""

from runner.transport.batches.batch_client import BatchClient
from runner.transport.batches.batch_outcomes import (
    BadLine,
    FetchedResults,
    Found,
    LineResult,
    Uploaded,
    WrittenLines,
)
from runner.transport.batches.batch_transport import BatchTransport

__all__ = [
    "BadLine",
    "BatchClient",
    "BatchTransport",
    "FetchedResults",
    "Found",
    "LineResult",
    "Uploaded",
    "WrittenLines",
]
