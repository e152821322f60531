"""The ledger: append-only, and the only thing that says whether money may be spent.

Every entry moves an amount between four accounts, so a balance is a sum and nothing is edited:

    aside      promised to a job that was admitted, for its answer and its judges; nothing is sent
    reserved   the most that an attempt can cost; it is being sent, or was
    settled    billed, as the provider's usage says
    held       sent, and nobody knows whether it was billed: counted as if it was

`aside + reserved + settled + held <= cap` is checked in the transaction of each entry that adds to
the sum. Entries are chained (`runner.chain`) and durable before the call returns, except those that
only promise money or take a promise back: a crash takes all promises back. An answer is stored in
the transaction that settles it. Held money stays held until somebody says what it came to
(`resolve`).

A ledger file (`runner.store`) has one writer. A PostgreSQL ledger (`runner.postgres`) has many,
each a worker with a name; one that is taken for dead loses its promises, and what it was sending is
held.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from pricing.money import Money
from runner.approval.approval import Approval
from runner.errors import BadRun, LedgerError
from runner.ledger.hash_chain import link
from runner.ledger.records import Attempt, Balance, StoredAnswer, columns
from runner.ledger.schema import ACCOUNTS, Head, Store, cap

_MOST = 2**62  # of pico-dollars, so that no sum leaves 64 bits
_INSERT = "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_LASTS = """
SELECT {} FROM entry WHERE kind = '{}' AND NOT EXISTS
    (SELECT 1 FROM entry later WHERE later.attempt = entry.attempt AND later.seq > entry.seq)
ORDER BY seq
"""
_LOST = "the process ended before the answer was stored"
_LATE = (
    "this process missed its lease; other workers took over its jobs; run the plan again to rejoin"
)


class Ledger:
    """A plan's ledger, open for writing. Make one with `open_ledger`.

    It may be used by several threads.

    Args:
        store: where it is kept.
        worker: the name under which this process writes.
    """

    def __init__(self, store: Store, worker: str = "") -> None:
        self.worker = worker or secrets.token_hex(8)
        self.store = store
        store.worker = self.worker
        self._turn = threading.RLock()  # one transaction at a time
        self._head = store.head()
        self._draft: Head | None = None  # of the transaction that is open
        self._aside: dict[str, int] = {}  # by job, of this worker
        self._moved: list[tuple[str, int]] = []  # of what is aside, in the transaction

    @property
    def shared(self) -> bool:
        """Whether other workers write to it meanwhile."""
        return self.store.shared

    @property
    def own_aside(self) -> Money:
        """What is set aside for this worker's jobs."""
        return Money(sum(list(self._aside.values())))

    @property
    def is_new(self) -> bool:
        """Whether nothing was ever written to it."""
        return self._head.seq == 0

    @property
    def balance(self) -> Balance:
        """The balance, as of the last transaction."""
        return self._head.balance

    @property
    def halted(self) -> str:
        """Why this worker may send nothing more, as of the last transaction; or empty."""
        return _LATE if self._head.lost else self._head.halt

    @contextmanager
    def together(self, *, durable: bool = True) -> Iterator[Head]:
        """Do several things in one transaction: all of them last, or none.

        Args:
            durable: it survives a power cut. One that is not, does with the next that is.

        Raises:
            LedgerError: it could not be written.
        """
        with self._turn:
            if self._draft is not None:
                yield self._draft
            else:
                with self._transaction(durable=durable) as head:
                    yield head

    @contextmanager
    def _transaction(self, *, durable: bool) -> Iterator[Head]:
        try:
            self._draft = self.store.begin(durable=durable)
            yield self._draft
            self.store.commit(self._draft)
            self._head = self._draft
        except BaseException as error:
            self.store.rollback()
            for job, change in self._moved:
                self._aside[job] -= change
            if isinstance(error, self.store.error):
                raise LedgerError(f"the ledger could not be written: {error}") from error
            raise
        finally:
            for job in {job for job, _ in self._moved if not self._aside[job]}:
                del self._aside[job]
            self._draft, self._moved = None, []

    def approve(self, approval: Approval) -> None:
        """Record an approval, once; the newest one's cap is the one that counts.

        Raises:
            LedgerError: the cap is more than a ledger can count (about 4.6 million dollars).
        """
        if approval.cap.pico > _MOST:
            raise LedgerError(f"a cap of {approval.cap} is too large")
        until = approval.until and approval.until.isoformat()
        at = approval.at.astimezone(UTC).isoformat()
        row = (at, approval.plan, approval.cap.pico, approval.by, until)
        with self.together() as head:
            known = self.store.execute("SELECT 1 FROM approval WHERE at = ?", (at,)).fetchone()
            if known is None:
                self.store.execute("INSERT INTO approval VALUES (?, ?, ?, ?, ?)", row)
                self._enter("approve", "", None, {}, note=at, stored=row)
            head.cap = cap(self.store)

    def begin_work(self, work: str) -> None:
        """Record, once, which work this ledger's money is for.

        Args:
            work: digest of the work.

        Raises:
            BadRun: it is for other work.
        """
        with self.together():
            row = self.store.execute("SELECT note FROM entry WHERE kind = 'plan'").fetchone()
            refuse_other_work(str(row[0]) if row else "", work)
            if row is None:
                self._enter("plan", "", None, {}, note=work)

    def set_aside_for(self, job: str) -> Money:
        """Give what is set aside for a job."""
        return Money(self._aside.get(job, 0))

    def set_aside(self, job: str, amount: Money) -> bool:
        """Promise money to a job; False, and nothing changes, where the cap does not allow it."""
        with self.together(durable=False) as head:
            _refuse_lost(head)
            if amount > head.balance.free:
                return False
            self._enter("aside", job, None, {"aside": amount.pico})
        return True

    def reserve(self, attempt: Attempt, amount: Money) -> None:
        """Move money from what is set aside for the job to an attempt that is about to be sent.

        Raises:
            LedgerError: less than the amount is set aside.
        """
        with self.together() as head:
            _refuse_lost(head)
            if amount > self.set_aside_for(attempt.job):
                raise LedgerError(
                    f"attempt {attempt.id} needs {amount.exact()} USD, but only "
                    f"{self.set_aside_for(attempt.job).exact()} is allocated to its job"
                )
            row = (attempt.id, *columns(attempt))
            self.store.execute(f"INSERT INTO attempt VALUES ({_marks(row)})", row)  # noqa: S608
            moved = {"aside": -amount.pico, "reserved": amount.pico}
            self._enter("reserve", attempt.job, attempt.id, moved, stored=row)

    def settle(self, attempt: Attempt, billed: Money, answer: StoredAnswer, note: str = "") -> None:
        """Book what an attempt cost, and store its answer, in one transaction.

        The answer of a worker that was taken for dead comes late: its money is held by then.
        """
        with self.together():
            account, amount = self._open(attempt.id)
            row = (attempt.id, *columns(answer))
            self.store.execute(f"INSERT INTO answer VALUES ({_marks(row)})", row)  # noqa: S608
            moved = {account: -amount, "settled": billed.pico}
            self._enter("settle", attempt.job, attempt.id, moved, note=note, stored=row)

    def is_reserved(self, attempt: Attempt) -> bool:
        """Say whether an attempt's money is reserved."""
        row = self._last(attempt.id)
        return row is not None and row[0] == "reserve"

    def release(self, attempt: Attempt, note: str) -> None:
        """Give an attempt's money back to its job: the provider did not bill it."""
        with self.together():
            account, amount = self._open(attempt.id)
            if account == "held":  # by somebody who took this worker for dead
                moved = {"held": -amount, "settled": 0}
                self._enter("resolve", attempt.job, attempt.id, moved, note=note)
                return
            moved = {"reserved": -amount, "aside": amount}
            self._enter("release", attempt.job, attempt.id, moved, note=note)

    def hold(self, attempt: Attempt, note: str) -> None:
        """Keep an attempt's whole amount: it was sent, and nobody knows whether it was billed."""
        with self.together():
            account, amount = self._open(attempt.id)
            if account == "reserved":
                moved = {"reserved": -amount, "held": amount}
                self._enter("hold", attempt.job, attempt.id, moved, note=note)

    def resolve(self, attempt: str, billed: Money, reason: str) -> None:
        """Say what a held attempt turned out to cost; what it did not cost is free again.

        Raises:
            LedgerError: nothing is held for it.
        """
        with self.together():
            row = self._last(attempt)
            if row is None or row[0] != "hold":
                raise LedgerError(f"attempt {attempt}: nothing is held for it")
            moved = {"held": -int(row[3]), "settled": billed.pico}
            self._enter("resolve", row[1], attempt, moved, note=reason)

    def holds(self) -> dict[str, tuple[str, Money]]:
        """Give every attempt that is held -> its model's written name, and how much is held."""
        model = "(SELECT model FROM attempt WHERE attempt.id = entry.attempt)"
        query = _LASTS.format(f"attempt, {model}, held", "hold")
        return {name: (model, Money(held)) for name, model, held in self.store.execute(query)}

    def free(self, job: str) -> None:
        """Take back what is still set aside for a job, if nobody has yet."""
        if promised := self._aside.get(job):
            with self.together(durable=False) as head:
                if head.lost:
                    return
                self._enter("free", job, None, {"aside": -promised})

    def halt(self, reason: str) -> None:
        """Tell every worker to send nothing more."""
        with self.together() as head:
            head.halt = reason

    def note_end(self, end: str) -> None:
        """Note how an execution ended, unless others go on with it; no money moves."""
        with self.together() as head:
            if head.lost:
                return
            self._enter("end", "", None, {}, note=end)

    def answered(self) -> dict[str, str]:
        """Give every answered request's id -> the text of its last answer."""
        query = (
            "SELECT request, text FROM answer JOIN attempt ON attempt.id = answer.attempt "
            "ORDER BY number"
        )
        return dict(self.store.execute(query).fetchall())

    def count_answered(self) -> int:
        """Say how many requests are answered."""
        query = (
            "SELECT COUNT(DISTINCT request) FROM answer JOIN attempt ON attempt.id = answer.attempt"
        )
        return int(self.store.execute(query).fetchone()[0])

    def attempts(self) -> dict[str, int]:
        """Give every request's id -> the number of its last attempt."""
        query = "SELECT request, MAX(number) FROM attempt GROUP BY request"
        return dict(self.store.execute(query).fetchall())

    def excess(self) -> dict[str, int]:
        """Give every model -> by how many tokens its billed prompts exceeded our bound, at most."""
        query = (
            "SELECT attempt.model, MAX(input + cache_read + cache_write - bound) "
            "FROM answer JOIN attempt ON attempt.id = answer.attempt GROUP BY attempt.model"
        )
        return {model: max(0, int(most)) for model, most in self.store.execute(query)}

    def recover(self, worker: str | None = None) -> int:
        """After a crash: what was being sent is held, what was only promised is free again.

        Args:
            worker: whose work it was; None is everybody's.

        Returns:
            how many attempts are held from now on.
        """
        query = _LASTS.format("attempt, worker, job, reserved", "reserve")
        with self.together():
            found = self.store.execute(query).fetchall()
            lost = [row for row in found if worker in (None, row[1])]
            for attempt, of, job, amount in lost:
                moved = {"reserved": -amount, "held": amount}
                self._enter("hold", job, attempt, moved, note=_LOST, worker=of)
            promised = self.store.execute(
                "SELECT worker, job, SUM(aside) FROM entry GROUP BY worker, job "
                "HAVING SUM(aside) <> 0"
            ).fetchall()
            for of, job, amount in promised:
                if worker in (None, of):
                    self._enter("free", job, None, {"aside": -int(amount)}, worker=of)
        return len(lost)

    def _open(self, attempt: str) -> tuple[str, int]:
        """Give where an open attempt's money is, and how much it is."""
        row = self._last(attempt)
        if row is not None and row[0] == "reserve":
            return "reserved", int(row[2])
        if row is not None and row[0] == "hold" and self.shared:
            return "held", int(row[3])
        raise LedgerError(f"attempt {attempt} is not open: its last entry is {row and row[0]}")

    def _last(self, attempt: str) -> tuple[str, str, int, int] | None:
        """Give the kind, the job, the reserved and the held of an attempt's last entry."""
        query = (
            "SELECT kind, job, reserved, held FROM entry WHERE attempt = ? "
            "ORDER BY seq DESC LIMIT 1"
        )
        row = self.store.execute(query, (attempt,)).fetchone()
        return row and tuple(row)

    def _enter(  # noqa: PLR0913 - what an entry is made of
        self,
        kind: str,
        job: str,
        attempt: str | None,
        moved: dict[str, int],
        *,
        note: str = "",
        stored: tuple[object, ...] = (),
        worker: str | None = None,
    ) -> None:
        """Write an entry; `moved` says by how much each account changes."""
        with self.together() as head:
            changes = [moved.get(account, 0) for account in ACCOUNTS]
            at, by = datetime.now(UTC).isoformat(), worker or self.worker
            row = (at, kind, by, job, attempt, *changes, note)
            head.seq, head.tip = head.seq + 1, link(head.tip, row, stored)
            self.store.execute(_INSERT, (head.seq, *row, head.tip))
            for account, change in moved.items():
                head.sums[account] += change
            if by == self.worker and (change := moved.get("aside", 0)):
                self._aside[job] = self._aside.get(job, 0) + change
                self._moved.append((job, change))


def refuse_other_work(known: str, work: str) -> None:
    """Refuse work that a ledger is not for.

    Args:
        known: digest of the ledger's work; empty where none is recorded.
        work: digest of what is to be done.

    Raises:
        BadRun: they differ.
    """
    if known and known != work:
        raise BadRun(
            f"this study's ledger is for another plan (work {known[:12]}, this plan's is "
            f"{work[:12]}); plan this one as a study of its own:  afcost estimate --study NAME"
        )


def _refuse_lost(head: Head) -> None:
    """Stop a worker whose promises were taken back.

    Raises:
        LedgerError: it was taken for dead.
    """
    if head.lost:
        raise LedgerError(_LATE)


def _marks(row: Sequence[object]) -> str:
    return ", ".join("?" * len(row))
