"""What the note of a chunk says: its price, how long it was waited for, and all of it in words."""

from runner.batches.notes.chunk_price import has_price, price_as_reserved, write_price
from runner.batches.notes.describe import describe_chunk, describe_chunks
from runner.batches.notes.waiting import (
    Moment,
    begin_wait,
    count_wait,
    end_wait,
    find_passed,
    has_waited,
)

__all__ = [
    "Moment",
    "begin_wait",
    "count_wait",
    "describe_chunk",
    "describe_chunks",
    "end_wait",
    "find_passed",
    "has_price",
    "has_waited",
    "price_as_reserved",
    "write_price",
]
