"""What a ledger writes, and what undoes a transaction before it is committed."""

from runner.ledger.writing.chunk_entries import SELECT_ALLOCATED, ChunkEntries
from runner.ledger.writing.nesting import Nesting
from runner.ledger.writing.own_money import OwnMoney
from runner.ledger.writing.pending_rows import PendingRows
from runner.ledger.writing.records_text import write_records

__all__ = [
    "SELECT_ALLOCATED",
    "ChunkEntries",
    "Nesting",
    "OwnMoney",
    "PendingRows",
    "write_records",
]
