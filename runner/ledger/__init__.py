"""The ledger: the only thing that says whether money may be spent."""

from runner.ledger.group_commit import GroupCommitWriter
from runner.ledger.hash_chain import find_tampering
from runner.ledger.ledger import Ledger, refuse_other_work
from runner.ledger.location import (
    LEDGER_FILE,
    LEDGER_URL_FILE,
    FileLocation,
    Location,
    PostgresLocation,
    locate_ledger,
    remember_location,
)
from runner.ledger.open import is_running, ledger_exists, open_ledger, read_ledger
from runner.ledger.records import Attempt, Balance, StoredAnswer
from runner.ledger.schema import Database, read_approvals, read_balance, read_work

__all__ = [
    "LEDGER_FILE",
    "LEDGER_URL_FILE",
    "Attempt",
    "Balance",
    "Database",
    "FileLocation",
    "GroupCommitWriter",
    "Ledger",
    "Location",
    "PostgresLocation",
    "StoredAnswer",
    "find_tampering",
    "is_running",
    "ledger_exists",
    "locate_ledger",
    "open_ledger",
    "read_approvals",
    "read_balance",
    "read_ledger",
    "read_work",
    "refuse_other_work",
    "remember_location",
]
