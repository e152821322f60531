"""What a transaction changes before it is committed, so that all of it can be undone."""

from runner.ledger.writing.nesting import Nesting
from runner.ledger.writing.own_money import OwnMoney
from runner.ledger.writing.pending_rows import PendingRows
from runner.ledger.writing.records_text import write_records

__all__ = ["Nesting", "OwnMoney", "PendingRows", "write_records"]
