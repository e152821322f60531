"""Reading a ledger: typed records of what it says, as of one moment.

Together with `Ledger` and `JobTable` this is all the SQL on a ledger. What returns an iterator
fetches its rows while they are asked for, so that a long ledger need not fit in memory.
"""

from runner.ledger.reading.chunk_costs import ChunkCost, ChunkPart
from runner.ledger.reading.chunk_records import (
    CHUNK_MARK,
    ChunkAttempt,
    ChunkNote,
    ChunkState,
    name_reservation,
    read_chunk_name,
)
from runner.ledger.reading.followed_file import FollowedFile
from runner.ledger.reading.read_records import (
    AnsweredCall,
    AnswerTime,
    AttemptRecord,
    BilledCall,
    BilledPrompt,
    Change,
    JobSpan,
    Move,
    NotedEntry,
    OpenAttempt,
    StratumSums,
    WholeJob,
)
from runner.ledger.reading.reader import LedgerReader
from runner.ledger.reading.resume_queries import ResumeQueries

__all__ = [
    "CHUNK_MARK",
    "AnswerTime",
    "AnsweredCall",
    "AttemptRecord",
    "BilledCall",
    "BilledPrompt",
    "Change",
    "ChunkAttempt",
    "ChunkCost",
    "ChunkNote",
    "ChunkPart",
    "ChunkState",
    "FollowedFile",
    "JobSpan",
    "LedgerReader",
    "Move",
    "NotedEntry",
    "OpenAttempt",
    "ResumeQueries",
    "StratumSums",
    "WholeJob",
    "name_reservation",
    "read_chunk_name",
]
