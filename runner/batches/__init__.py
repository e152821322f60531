"""Batches: a plan's requests sent many at a time, at half the price, under the same cap.

In reading order:
    pending_work   what is left of a plan, by stage and model, block by block
    asked_again    answered requests of it that are sent once more
    cutting        chunks of whole blocks, small enough to be reserved and sent
    chunk_price    the price that a chunk was reserved by, and is settled by
    chunk_store    the chunks that are open, as the ledger has them
    chunk_lines    the requests of a chunk, rendered again
    line_settler   what results mean for the money and the jobs, by the rules of calls
    chunk_keeper   one chunk from its reservation to its end
    batch_course   all of it, beside the calls of a run
"""

from runner.batches.batch_course import BatchCourse
from runner.batches.batch_work import BatchWork
from runner.batches.chunk_price import price_as_reserved
from runner.batches.describe import describe_chunk, describe_chunks

__all__ = ["BatchCourse", "BatchWork", "describe_chunk", "describe_chunks", "price_as_reserved"]
