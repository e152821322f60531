"""Batches: a plan's requests sent many at a time, at half the price, under the same cap.

In reading order:
    pending_work   what is left of a plan, by stage and model, block by block
    asked_again    answered requests of it that are sent once more
    cutting        chunks of whole blocks, small enough to be reserved and sent
    notes          what a chunk's note says: its price, how long it was waited for, in words
    chunk_rooms    what may be sent now, and how much of it may be one chunk
    chunk_store    the chunks that are open, as the ledger has them
    chunk_lines    the requests of a chunk, rendered again
    line_settler   what results mean for the money and the jobs, by the rules of calls
    result_collector   a batch that was created, until all of it is settled
    chunk_keeper   one chunk from its reservation to its end
    chunk_watch    when open ones are looked at, and what is said of them
    batch_course   all of it, beside the calls of a run
"""

from runner.batches.batch_course import BatchCourse
from runner.batches.batch_work import BatchWork
from runner.batches.notes import describe_chunk, describe_chunks, price_as_reserved

__all__ = ["BatchCourse", "BatchWork", "describe_chunk", "describe_chunks", "price_as_reserved"]
