"""Batches that a person looks at, has cancelled, or gives up; nothing of a plan is sent here.

In reading order:
    listed_batch   what is known of each batch of a ledger
    batch_keys     which keys may be sent, by the plan's approval
    batch_desk     asks providers to cancel them, and gives up what no one can collect
"""

from typing import TYPE_CHECKING

from experiment.lazy_names import import_on_demand

if TYPE_CHECKING:  # what sends needs aiohttp
    from runner.batch_desk.batch_desk import BatchDesk, open_batch_desk
    from runner.batch_desk.listed_batch import ListedBatch, list_batches

__all__ = ["BatchDesk", "ListedBatch", "list_batches", "open_batch_desk"]

__getattr__ = import_on_demand(
    __name__,
    {
        "BatchDesk": "batch_desk",
        "ListedBatch": "listed_batch",
        "list_batches": "listed_batch",
        "open_batch_desk": "batch_desk",
    },
)
