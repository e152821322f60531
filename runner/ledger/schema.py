"""The ledger's tables, in SQL that both SQLite and PostgreSQL accept, and their sums.

Rows are tuples, read by position; what they mean is said by `LedgerReader` and `Ledger`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from experiment.prompts import VERDICT_MARK
from pricing.money import Money
from runner.errors import LedgerError
from runner.ledger.records import Attempt, Balance, StoredAnswer

# 2: entries are chained; 3: each names its worker; 4: ledgers and approvals have names; 5: answers
# have refusals
SCHEMA_VERSION, NAMED_VERSION, UNNAMED_VERSION = 5, 4, 3
IMPORT_VERSION = 6  # the same tables, with answers from elsewhere, which earlier versions refuse
BATCH_VERSION = 7  # the same, with batches: an earlier version would hold what is still being done
OLDER_VERSIONS = (UNNAMED_VERSION, NAMED_VERSION)
ACCOUNTS = ("aside", "reserved", "settled", "held")

EVICTED_MESSAGE = (
    "this process missed its lease; other workers took over its jobs; run the plan again to rejoin"
)

CREATE_TABLES = """
CREATE TABLE approval (
    at TEXT, plan TEXT, cap BIGINT, by TEXT, until TEXT, id TEXT UNIQUE, confirmed TEXT,
    replaces TEXT
);
CREATE TABLE attempt (
    id TEXT PRIMARY KEY, job TEXT, request TEXT, number BIGINT, stage TEXT, model TEXT,
    condition TEXT, query BIGINT, sample BIGINT, vote BIGINT, counted BIGINT, bound BIGINT,
    exactness TEXT
);
CREATE TABLE answer (
    attempt TEXT PRIMARY KEY REFERENCES attempt (id),
    prefill TEXT, text TEXT, reasoning TEXT, finish TEXT,
    input BIGINT, cache_read BIGINT, cache_write BIGINT, output BIGINT, hidden BIGINT,
    stated_cost BIGINT, model TEXT, provider_id TEXT, usage TEXT, refusal TEXT, reasoning_form TEXT
);
CREATE TABLE entry (
    seq BIGINT PRIMARY KEY, at TEXT, kind TEXT, worker TEXT, job TEXT, attempt TEXT,
    aside BIGINT, reserved BIGINT, settled BIGINT, held BIGINT, note TEXT, hash TEXT
);
CREATE INDEX entry_attempt ON entry (attempt);
CREATE INDEX attempt_job ON attempt (job);
"""
ADD_REFUSALS = """
ALTER TABLE answer ADD COLUMN refusal TEXT;
ALTER TABLE answer ADD COLUMN reasoning_form TEXT;
"""
COMPLETION = (  # the columns that a `Completion` is read from
    "answer.text, answer.finish, answer.refusal, answer.reasoning, answer.reasoning_form"
)
BILLED_CALL = (  # the columns of a `BilledCall`, but what was settled
    "attempt.job, stage, attempt.model, condition, query, sample, vote, counted, "
    "input + cache_read + cache_write, cache_write, output, finish"
)
EARLIER_ATTEMPT = f"attempt.job, request, number, stage, vote, prefill, {COMPLETION}"
# An answer that the provider broke off is none, and is asked for again.
IS_ANSWER = "answer.finish <> 'error'"
CREATE_IDENTITY = "CREATE TABLE identity (id TEXT, keyed BIGINT);"  # one row


_SUBJECTS, _STUDY = " subjects ", " study "  # between the parts of the note of a plan's entry
_UNNAMED_COLUMNS = 5  # of an approval in version 3
Row = tuple[Any, ...]  # texts, whole numbers and None, in the order of the query's columns


class QueryResult(Protocol):
    """The result of a query."""

    def fetchone(self) -> Row | None: ...  # noqa: D102
    def fetchall(self) -> list[Row]: ...  # noqa: D102
    def __iter__(self) -> Iterator[Row]: ...
    @property
    def description(self) -> Sequence[Any] | None: ...  # noqa: D102


class Database(Protocol):
    """An open database; `?` is the placeholder for a value."""

    def execute(self, sql: str, values: Sequence[object] = (), /) -> QueryResult:
        """Run a statement."""
        ...


@dataclass(slots=True)
class LedgerState:
    """The state of a ledger: its newest entry, its cap and the sum of each account.

    Attributes:
        seq, last_hash: of the newest entry, its number and its digest.
        cap: of the newest approval, in pico-dollars.
        sums: of each account, in pico-dollars.
        stop_reason: why nothing more may be sent; empty while it may.
        evicted: others took this worker for dead.
        is_own: no one else can have moved what this worker has reserved: it is the only one, or it
            is registered and was not taken for dead.
    """

    seq: int
    last_hash: str
    cap: int
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ACCOUNTS, 0))
    stop_reason: str = ""
    evicted: bool = False
    is_own: bool = True

    @property
    def is_stopped(self) -> bool:
        """Whether nothing more may be allocated or sent."""
        return self.evicted or bool(self.stop_reason)

    def refuse_evicted(self) -> None:
        """Refuse to let an evicted worker go on.

        Raises:
            LedgerError: it was taken for dead.
        """
        if self.evicted:
            raise LedgerError(EVICTED_MESSAGE)

    @property
    def committed(self) -> int:
        """What may have been billed, in pico-dollars: settled, held and reserved."""
        return self.sums["settled"] + self.sums["held"] + self.sums["reserved"]

    @property
    def free(self) -> int:
        """What can still be allocated, in pico-dollars."""
        return self.cap - self.committed - self.sums["aside"]

    @property
    def balance(self) -> Balance:
        """The balance of the four accounts."""
        return Balance(Money(self.cap), **{name: Money(p) for name, p in self.sums.items()})

    def copy(self) -> LedgerState:
        """Return a copy that can be changed."""
        sums = dict(self.sums)
        return LedgerState(
            self.seq, self.last_hash, self.cap, sums, self.stop_reason, self.evicted, self.is_own
        )


def has_names(database: Database) -> bool:
    """Return whether the ledger and its approvals have names; earlier versions gave them none."""
    columns = database.execute("SELECT * FROM approval LIMIT 0").description
    return columns is not None and len(columns) > _UNNAMED_COLUMNS


def read_cap(database: Database) -> int:
    """Return the newest approval's cap in pico-dollars; 0 without one."""
    name = "COALESCE(approval.id, approval.at)" if has_names(database) else "approval.at"
    row = database.execute(
        f"SELECT cap FROM entry JOIN approval ON {name} = note "  # noqa: S608 - own names
        "WHERE kind = 'approve' ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    return int(row[0]) if row else 0


@dataclass(frozen=True, slots=True)
class Work:
    """Work that a ledger's money is for: one plan's.

    Attributes:
        digest: of all of it.
        subjects: digest of the subject models' part, which plans with other judges share; empty
            where an earlier version recorded the work.
        study: the name of the study that it is a part of; empty as above.
    """

    digest: str
    subjects: str = ""
    study: str = ""

    @property
    def note(self) -> str:
        """Return it as it is written in an entry."""
        subjects = f"{_SUBJECTS}{self.subjects}" if self.subjects else ""
        return f"{self.digest}{subjects}" + (f"{_STUDY}{self.study}" if self.study else "")

    @classmethod
    def from_note(cls, note: str) -> Work:
        """Read what `note` returned, in this version or an earlier one."""
        rest, _, study = note.partition(_STUDY)
        digest, _, subjects = rest.partition(_SUBJECTS)
        return cls(digest, subjects, study)


def read_works(database: Database) -> list[Work]:
    """Return the work of each plan that a ledger was for, oldest first; the newest counts."""
    # `+seq`: a few rows are sorted, instead of finding all entries of a long ledger by an index.
    rows = database.execute("SELECT note FROM entry WHERE kind = 'plan' ORDER BY +seq").fetchall()
    return [Work.from_note(str(note)) for (note,) in rows]


def complete_work(database: Database, kept: Work | None) -> Work | None:
    """Return the newest work of a ledger, with its subjects and its study where they are known.

    Verdicts of before they were named by their judge cannot be told from those of another judge.

    Args:
        database: the ledger.
        kept: the work of the plan in the run folder, for ledgers that do not say so much.
    """
    works = read_works(database)
    if not works:
        return None
    if works[-1].study or kept is None or kept.digest != works[-1].digest:
        return works[-1]
    unmarked = "SELECT 1 FROM attempt WHERE request <> job AND request NOT LIKE ? LIMIT 1"
    is_of_before = database.execute(unmarked, (f"{VERDICT_MARK}%",)).fetchone() is not None
    return Work(works[-1].digest) if is_of_before else kept


def read_first_hash(database: Database) -> str:
    """Return the hash of the first entry, which no other ledger has; empty where there is none."""
    row = database.execute("SELECT hash FROM entry WHERE seq = 1").fetchone()
    return str(row[0]) if row else ""


def sum_accounts(database: Database) -> dict[str, int]:
    """Return the sum of each account, in pico-dollars."""
    columns = ", ".join(f"COALESCE(SUM({name}), 0)" for name in ACCOUNTS)
    (sums,) = database.execute(f"SELECT {columns} FROM entry")  # noqa: S608 - own names
    return dict(zip(ACCOUNTS, map(int, sums), strict=True))


# Of the tables that grow; what is inserted has all of them, in this order.
COLUMNS = {
    "attempt": ("id", *Attempt._fields),
    "answer": ("attempt", *StoredAnswer._fields),
    "entry": ("seq", "at", "kind", "worker", "job", "attempt", *ACCOUNTS, "note", "hash"),
}


class WriteError(StrEnum):
    """What an error in a transaction means for what is written later."""

    LOST = "lost"  # nothing can be written any more
    UNDONE = "undone"  # a connection was lost and is back: the transaction can be made again
    REFUSED = "refused"  # what was to be written was wrong


class Store(Protocol):
    """Where a ledger is stored, open for writing: `SqliteStore` or `PostgresStore`.

    Attributes:
        is_shared: whether other workers write to it meanwhile.
        worker: the name under which this process writes.
        key: of the chain; empty where it has none.
        error: what it raises.
    """

    is_shared: bool
    worker: str
    key: bytes
    error: type[Exception]

    def read_state(self) -> LedgerState: ...  # noqa: D102
    def execute(self, sql: str, values: Sequence[object] = (), /) -> QueryResult: ...  # noqa: D102
    def insert(self, table: str, row: Sequence[object], /) -> None: ...  # noqa: D102
    def read_version(self) -> int: ...  # noqa: D102
    def write_version(self, version: int, /) -> None: ...  # noqa: D102
    def begin(self, *, durable: bool) -> LedgerState: ...  # noqa: D102
    def commit(self, state: LedgerState) -> None: ...  # noqa: D102
    def rollback(self) -> None: ...  # noqa: D102
    def judge_error(self, error: Exception) -> WriteError: ...  # noqa: D102
