"""What is kept beside a ledger: its lock, how far it had come, lines that it could not take.

Reading order: `watermark` (how far a ledger had come), `known_ledgers` (what the state directory
keeps of each), `checked_files` (which ledger files were looked through), `turn` (what processes
write one after the other), `file_lock` (one writer for a ledger file), `line_file` (lines that are
kept in turn by several processes), `trust` (which models' bills agreed in earlier runs),
`seen_limits` (the rate limits that their answers stated).
"""

from runner.state.checked_files import (
    ChainEnd,
    FileState,
    begin_writing,
    end_writing,
    find_checked_end,
    find_file_state,
    find_own_end,
    is_checked,
    is_own,
    keep_checked,
)
from runner.state.file_lock import LedgerFileLock, is_locked, refuse_locked
from runner.state.known_ledgers import (
    KnownLedger,
    MarkFile,
    find_known_ledger,
    list_known_ledgers,
)
from runner.state.line_file import append_line, open_lines
from runner.state.seen_limits import find_seen_limits, keep_seen_limits
from runner.state.trust import Trust, find_trust
from runner.state.turn import Turn
from runner.state.watermark import Watermark

__all__ = [
    "ChainEnd",
    "FileState",
    "KnownLedger",
    "LedgerFileLock",
    "MarkFile",
    "Trust",
    "Turn",
    "Watermark",
    "append_line",
    "begin_writing",
    "end_writing",
    "find_checked_end",
    "find_file_state",
    "find_known_ledger",
    "find_own_end",
    "find_seen_limits",
    "find_trust",
    "is_checked",
    "is_locked",
    "is_own",
    "keep_checked",
    "keep_seen_limits",
    "list_known_ledgers",
    "open_lines",
    "refuse_locked",
]
