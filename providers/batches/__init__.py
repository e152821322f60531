"""Batches: many requests that a provider answers within hours, for less than calls cost.

In reading order:
    batch_line    one request of a batch, as it is sent
    custom_ids    names of chunks and lines, by which a batch of ours is known from any of its lines
    chunk         a batch as it is sent: its lines, and by what it is found again
    remote_batch  a batch as its provider tells of it
    batch_limits  what each provider's batches are like, from `batches.yaml`
    apis          one module for each API

Nothing here sends: `runner.transport.batches` does.
"""

from providers.batches.batch_limits import BatchLimits, FindBy, find_batch_limits
from providers.batches.batch_line import BatchLine, LineEnd
from providers.batches.chunk import ChunkToSend
from providers.batches.custom_ids import name_chunk, name_line, parse_line_name
from providers.batches.remote_batch import BatchState, RemoteBatch

__all__ = [
    "BatchLimits",
    "BatchLine",
    "BatchState",
    "ChunkToSend",
    "FindBy",
    "LineEnd",
    "RemoteBatch",
    "find_batch_limits",
    "name_chunk",
    "name_line",
    "parse_line_name",
]
