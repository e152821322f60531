"""The ledger: the only thing that says whether money may be spent."""

from runner.ledger.approvals import refuse_superseded
from runner.ledger.job_table import EARLIER_PLAN_RUNS, JobTable
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
from runner.ledger.open import (
    accept_restored_ledger,
    check_ledger,
    is_running,
    ledger_exists,
    open_job_table,
    open_ledger,
    read_ledger,
)
from runner.ledger.reader import LedgerReader
from runner.ledger.records import (
    FINGERPRINT,
    IMPORTED,
    AnsweredCall,
    Attempt,
    AttemptRecord,
    Balance,
    BilledCall,
    BilledPrompt,
    EarlierAttempt,
    Entry,
    ExecutionEnd,
    NotedEntry,
    OpenAttempt,
    StoredAnswer,
    build_completion,
)
from runner.ledger.schema import Work
from runner.ledger.spool import AnswerSpool, SpooledAnswer

__all__ = [
    "EARLIER_PLAN_RUNS",
    "FINGERPRINT",
    "IMPORTED",
    "LEDGER_FILE",
    "LEDGER_URL_FILE",
    "AnswerSpool",
    "AnsweredCall",
    "Attempt",
    "AttemptRecord",
    "Balance",
    "BilledCall",
    "BilledPrompt",
    "EarlierAttempt",
    "Entry",
    "ExecutionEnd",
    "FileLocation",
    "JobTable",
    "Ledger",
    "LedgerReader",
    "Location",
    "NotedEntry",
    "OpenAttempt",
    "PostgresLocation",
    "SpooledAnswer",
    "StoredAnswer",
    "Work",
    "accept_restored_ledger",
    "build_completion",
    "check_ledger",
    "is_running",
    "ledger_exists",
    "locate_ledger",
    "open_job_table",
    "open_ledger",
    "read_ledger",
    "refuse_other_work",
    "refuse_superseded",
    "remember_location",
]
