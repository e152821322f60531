"""Batches: many requests that a provider answers within hours, for less than calls cost.

In reading order:
    batch_line    one request of a batch, as it is sent
    custom_ids    names of chunks and lines, by which a batch of ours is known from any of its lines
    chunk         a batch as it is sent: its lines, and by what it is found again
    remote_batch  a batch as its provider tells of it

Nothing here sends: `runner.transport.batches` does.
"""

from providers.batches.batch_line import BatchLine, LineEnd
from providers.batches.chunk import ChunkToSend
from providers.batches.custom_ids import name_chunk, name_line, parse_line_name
from providers.batches.remote_batch import BatchState, RemoteBatch

__all__ = [
    "BatchLine",
    "BatchState",
    "ChunkToSend",
    "LineEnd",
    "RemoteBatch",
    "name_chunk",
    "name_line",
    "parse_line_name",
]
