"""The reader of a ledger: all of its queries, with those of its entries and its work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property

from runner.approval import Approval
from runner.errors import LedgerError
from runner.ledger import hash_chain
from runner.ledger.approvals import read_approvals
from runner.ledger.reading.call_queries import CallQueries
from runner.ledger.reading.chunk_costs import ChunkCosts
from runner.ledger.reading.chunk_records import CHUNK_MARK
from runner.ledger.reading.job_queries import JobQueries
from runner.ledger.reading.read_records import Change, Move, NotedEntry, OpenAttempt
from runner.ledger.reading.resume_queries import ResumeQueries
from runner.ledger.reading.rows import ENTRY, read_entry
from runner.ledger.reading.sum_queries import SumQueries
from runner.ledger.records import Attempt, Balance, Entry, ExecutionEnd, StoredAnswer
from runner.ledger.schema import BILLED_CALL, Database, Work, complete_work
from runner.ledger.witness import refuse_older_copy
from runner.state import Watermark, find_known_ledger

_SELECT_OPEN_ATTEMPTS = """
SELECT at, attempt.* FROM entry JOIN attempt ON attempt.id = entry.attempt
WHERE kind = 'reserve' AND NOT EXISTS
    (SELECT 1 FROM entry later WHERE later.attempt = entry.attempt AND later.seq > entry.seq)
ORDER BY seq
"""
_SELECT_MOVES_SINCE = (
    f"SELECT seq, at, kind, settled, entry.attempt, {BILLED_CALL} "  # noqa: S608 - own names
    "FROM entry JOIN attempt ON attempt.id = entry.attempt "
    "LEFT JOIN answer ON answer.attempt = attempt.id WHERE seq > ? ORDER BY seq"
)
_SELECT_CHANGES_SINCE = """
SELECT seq, at, kind, aside, reserved, settled, held, note, entry.attempt, attempt.job, number,
    stage, attempt.model, condition, query, sample, vote, finish, cache_read, cache_write
FROM entry LEFT JOIN attempt ON attempt.id = entry.attempt
LEFT JOIN answer ON answer.attempt = attempt.id WHERE seq > ? ORDER BY seq
"""
_SELECT_ENTRIES = "SELECT * FROM entry ORDER BY seq"
_SELECT_ENTRY_RANGE = "SELECT MIN(seq), MAX(seq) FROM entry"
_SELECT_ENTRY_TIME = "SELECT at FROM entry WHERE seq >= ? ORDER BY seq LIMIT 1"
_SELECT_NOTED_ENTRIES = f"""
SELECT entry.*, answer.* FROM entry LEFT JOIN answer ON answer.attempt = entry.attempt
WHERE note <> '' AND kind NOT IN ('end', 'plan', 'approve', 'look', 'batch')
    AND NOT (kind = 'reserve' AND note LIKE '{CHUNK_MARK}%') ORDER BY seq
"""  # noqa: S608 - own names
# An execution begins a job, or an attempt, before it does anything else; what is
# allocated to chunks is taken over as the ledger is opened.
_SELECT_LAST_STEP = f"""
SELECT kind, note FROM entry WHERE kind IN ('end', 'plan', 'aside', 'reserve')
    AND NOT (kind = 'aside' AND job LIKE '{CHUNK_MARK}%')
ORDER BY seq DESC LIMIT 1
"""  # noqa: S608 - own names
_SELECT_STOP_REASON = "SELECT halt FROM head"


class LedgerReader(ChunkCosts, ResumeQueries, JobQueries, CallQueries, SumQueries):
    """A ledger that is open for reading. Make one with `read_ledger`.

    What all of its entries are read for is kept: in a long ledger that takes half a second each.

    Args:
        database: its tables; they do not change meanwhile.
        key: of the chain; empty where it has none.
        has_workers: whether several workers may write to it.
    """

    def __init__(self, database: Database, key: bytes = b"", *, has_workers: bool = False) -> None:
        super().__init__(database)
        self._key = key
        self._has_workers = has_workers

    @cached_property
    def _works(self) -> list[Work]:
        return super().works()

    @cached_property
    def _balance(self) -> Balance:
        return super().balance()

    @cached_property
    def _approvals(self) -> list[Approval]:
        return [approval for _, approval in read_approvals(self._database)]

    def works(self) -> list[Work]:
        """Return the work of each plan that the ledger was for, oldest first."""
        return list(self._works)

    def balance(self) -> Balance:
        """Return the balance of the four accounts."""
        return self._balance

    def moves_since(self, seq: int) -> Iterator[Move]:
        """Yield the entries after one that moved money of attempts, oldest first."""
        return map(Move.from_row, self._database.execute(_SELECT_MOVES_SINCE, (seq,)))

    def changes_since(self, seq: int) -> Iterator[Change]:
        """Yield all entries after one, oldest first; 0 for all of them."""
        return map(Change.from_row, self._database.execute(_SELECT_CHANGES_SINCE, (seq,)))

    def open_attempts(self) -> list[OpenAttempt]:
        """Return the attempts of which no outcome is recorded, oldest first."""
        if not self.balance().reserved:
            return []
        rows = self._database.execute(_SELECT_OPEN_ATTEMPTS)
        return [OpenAttempt(Attempt.from_row(row[2:]), str(row[0])) for row in rows]

    def entries(self) -> Iterator[Entry]:
        """Return all entries, oldest first."""
        return map(read_entry, self._database.execute(_SELECT_ENTRIES))

    def entry_range(self) -> tuple[int, int] | None:
        """Return the numbers of the first and the last entry; None where there is none."""
        ((first, last),) = self._database.execute(_SELECT_ENTRY_RANGE)
        return None if first is None else (int(first), int(last))

    def last_entry(self) -> tuple[int, str]:
        """Return the number of the newest entry, 0 where there is none, and its hash."""
        return hash_chain.last_entry(self._database)

    def last_seq(self) -> int:
        """Return the number of the newest entry, 0 where there is none."""
        return self.last_entry()[0]

    def entry_time(self, seq: int) -> str:
        """Return when an entry was made, in ISO form; where somebody deleted it, the next one.

        Args:
            seq: its number, not above the last one's.
        """
        ((at,),) = self._database.execute(_SELECT_ENTRY_TIME, (seq,))
        return str(at)

    def noted_entries(self) -> Iterator[NotedEntry]:
        """Yield the entries that moved money and say why, oldest first, with their answers."""
        for row in self._database.execute(_SELECT_NOTED_ENTRIES):
            answer = row[ENTRY:]
            found = None if answer[0] is None else StoredAnswer.from_row(answer[1:])
            yield NotedEntry(read_entry(row[:ENTRY]), found)

    def approvals(self) -> list[Approval]:
        """Return all approvals, in the order in which they arrived; the newest counts."""
        return list(self._approvals)

    def identity(self) -> str:
        """Return the ledger's identity; empty in one that an earlier version made."""
        return hash_chain.read_identity(self._database)[0]

    def plan_file(self) -> str:
        """Return where the plan is that was run last, as this machine knows; empty if it does not.

        A ledger without identity, of an earlier version or changed, is not known.
        """
        with suppress(LedgerError):
            return find_known_ledger(self.identity()).plan_file
        return ""

    @property
    def is_shared(self) -> bool:
        """Whether other workers answer its requests meanwhile: not of what is read here."""
        return False

    def work(self, kept: Work | None = None) -> Work | None:
        """Return the work that the ledger is for; None where none is recorded.

        Args:
            kept: the work of the plan in the run folder, as for `Ledger.begin_work`.
        """
        return complete_work(self._database, kept)

    def end(self) -> ExecutionEnd:
        """Return how the last execution ended, and why; empty while one goes on, or crashed.

        What is done to a ledger between two executions, such as resolving holds, is none.
        """
        row = self._database.execute(_SELECT_LAST_STEP).fetchone()
        return ExecutionEnd.from_note(str(row[1])) if row and row[0] == "end" else ExecutionEnd()

    def stop_reason(self) -> str:
        """Return why all workers of a shared ledger are to stop; empty where they need not."""
        if not self._has_workers:
            return ""
        row = self._database.execute(_SELECT_STOP_REASON).fetchone()
        return str(row[0] or "") if row else ""

    def refuse_older_copy(self, place: str, next_step: str) -> None:
        """Refuse a ledger that is known here to have had more entries, or other ones.

        Raises:
            RestoredLedger: it is an older copy.
        """
        watermarks = find_known_ledger(self.identity()).watermarks()
        refuse_older_copy(self._database, watermarks, place, next_step)

    def newest(self) -> Watermark:
        """Return the newest entry, with what it leaves as spent."""
        return Watermark(self.identity(), *self.last_entry(), self.balance().spent)

    def refuse_without(self, watermark: Watermark, place: str, next_step: str) -> None:
        """Refuse a ledger without the entry of a watermark that was kept elsewhere.

        Raises:
            RestoredLedger: it is an older copy.
        """
        refuse_older_copy(self._database, [watermark], place, next_step)

    def find_tampering(self) -> str | None:
        """Find the first place where the ledger was changed after it was written; None if none."""
        return hash_chain.find_tampering(self._database, self._key)
