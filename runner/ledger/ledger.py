"""The ledger: append-only, and the only authority on whether money may be spent.

Every entry moves an amount between four accounts, so a balance is a sum and nothing is edited:

    aside      allocated to an admitted job, for its answer and its judges; nothing is sent
    reserved   the most that an attempt can cost; it is being sent, or was
    settled    billed, as the provider's usage says
    held       sent, but it is unknown whether it was billed: counted as if it was

`aside + reserved + settled + held <= cap` is checked in the transaction of each entry that adds to
the sum, and `reserved + settled + held` again before each attempt, because the cap may have been
lowered meanwhile. Entries are chained (`hash_chain`) and durable before the call returns, except
those that only allocate money or free it: a crash frees all of it. An answer is stored in the
transaction that settles it. Held money stays held until somebody says what it came to (`resolve`).

A chunk, a batch of attempts, is reserved whole in one transaction (`reserve_chunk`), and outlives
crashes: until its provider has said what became of it, its attempts are neither held nor free.

A ledger file (`sqlite`) has one writer. A PostgreSQL ledger (`postgres`) has many, each a worker
with a name; one whose lease expired loses its allocations, and what it was sending is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime

from pricing.money import Money
from runner.approval import Approval
from runner.errors import (
    BadRun,
    LedgerBusy,
    LedgerError,
    LedgerInterrupted,
    NotApproved,
    RestoredLedger,
)
from runner.ledger.approvals import read_approvals, refuse_superseded, to_row
from runner.ledger.attempt_changes import SELECT_CHANGES, AttemptChange
from runner.ledger.hash_chain import entry_hash
from runner.ledger.reading import (
    CHUNK_MARK,
    ChunkState,
    read_chunk_name,
)
from runner.ledger.records import Attempt, Balance, ExecutionEnd, StoredAnswer
from runner.ledger.schema import (
    ACCOUNTS,
    EVICTED_MESSAGE,
    IMPORT_VERSION,
    LedgerState,
    Store,
    Work,
    WriteError,
    complete_work,
    read_first_hash,
    read_works,
)
from runner.ledger.spool import AnswerSpool
from runner.ledger.witness import (
    Witness,
    amount_missing,
    describe_accepted,
    find_missing,
    refuse_older_copy,
)
from runner.ledger.writing import SELECT_ALLOCATED, ChunkEntries, Nesting, OwnMoney
from runner.state import Watermark

_MAX_AMOUNT = 2**62  # of pico-dollars, so that no sum leaves 64 bits
_OPEN_ENTRIES = """
SELECT {} FROM entry WHERE kind IN ('{}') AND NOT EXISTS
    (SELECT 1 FROM entry later WHERE later.attempt = entry.attempt AND later.seq > entry.seq)
ORDER BY seq
"""
# Of a shared ledger: whose work is recovered with everybody's can spend nothing more.
_END_WORKERS = "UPDATE worker SET ended = TRUE WHERE NOT ended"
_RETURN_ALL_JOBS = """
UPDATE job SET state = 'waiting' WHERE place IN (
    SELECT place FROM job WHERE state = 'taken' ORDER BY place FOR UPDATE
)
"""
_CRASH_NOTE = "the process ended before the answer was stored"
FindApproval = Callable[[], Approval | None]


class Ledger(ChunkEntries):
    """A plan's ledger, open for writing. Make one with `open_ledger`.

    It may be used by several threads.

    Args:
        store: where it is kept.
        witness: keeps how far it has come, apart from it.
        spool: keeps answers that can no longer be written to it; None where none can.
    """

    def __init__(self, store: Store, witness: Witness, spool: AnswerSpool | None = None) -> None:
        super().__init__(store)
        self.store = store
        self.witness = witness
        self.spool = spool
        self._failure = ""
        self._nesting = Nesting(self._run_transaction)
        self._state = store.read_state()
        self._own = OwnMoney()
        self._work: Work | None = None  # of the plan that this process runs
        self._find_newer_approval: FindApproval = lambda: None
        self._newer_approval: Approval | None = None  # not recorded yet

    @property
    def worker(self) -> str:
        """The name under which this process writes."""
        return self.store.worker

    @property
    def is_shared(self) -> bool:
        """Whether other workers also write to it."""
        return self.store.is_shared

    @property
    def allocated_here(self) -> Money:
        """The money allocated to this worker's jobs."""
        return Money(self._own.allocated)

    @property
    def is_new(self) -> bool:
        """Whether nothing has been written to it yet."""
        return self._state.seq == 0

    @property
    def balance(self) -> Balance:
        """The balance, as of the last transaction."""
        return self._state.balance

    def list_changes(self, after: int) -> list[AttemptChange]:
        """Return what the entries after one say of attempts, within a transaction."""
        rows = self.store.execute(SELECT_CHANGES, (after,)).fetchall()
        return [AttemptChange(*row) for row in rows]

    @property
    def last_seq_here(self) -> int:
        """The number of the newest entry, as of the last transaction of this process."""
        return self._state.seq

    @property
    def is_overdrawn(self) -> bool:
        """Whether more than the cap may have been billed, as of the last transaction."""
        state = self._state
        return state.committed > state.cap

    @property
    def stop_reason(self) -> str:
        """Why this worker must stop sending, as of the last transaction; empty if it need not."""
        if self._failure:
            return self._failure
        return EVICTED_MESSAGE if self._state.evicted else self._state.stop_reason

    @property
    def is_evicted(self) -> bool:
        """Whether others took this worker for dead, as of the last transaction."""
        return self._state.evicted

    @property
    def failure(self) -> str:
        """Why nothing can be written to it any more; empty while it can."""
        return self._failure

    def fail(self, reason: str) -> None:
        """Write nothing more to it from now on: what is sent could not be recorded."""
        self._failure = self._failure or reason

    def follow_approvals(self, find_newer: FindApproval) -> None:
        """Look for a newer approval before each transaction, and record what is found.

        Args:
            find_newer: returns an approval that it has not returned before, else None. It is called
                while the ledger is not locked.
        """
        self._find_newer_approval = find_newer

    def transaction(self, *, durable: bool = True) -> AbstractContextManager[LedgerState]:
        """Group several writes in one transaction: all of them are kept, or none.

        One within another is a part of it.

        Args:
            durable: it survives a power cut. One that is not, does with the next that is.

        Raises:
            LedgerError: it could not be written.
        """
        return self._nesting.open(durable=durable)

    @contextmanager
    def _run_transaction(self, durable: bool) -> Iterator[LedgerState]:  # noqa: FBT001 - for `Nesting`
        if self._failure:
            raise LedgerError(self._failure)
        newer = self._newer_approval = self._find_newer_approval() or self._newer_approval
        durable = durable or newer is not None
        try:
            draft = self._nesting.current = self.store.begin(durable=durable)
            if newer is not None:
                with suppress(NotApproved):  # it is an older one: the cap stays as it is
                    self.record_approval(newer)
            yield draft
            self.witness.promise(self._state, draft)
            self.store.commit(draft)
            self._own.keep()
            self._state, self._newer_approval = draft, None
            if durable:
                self.witness.mark(self._state)
        except BaseException as error:
            self.store.rollback()
            self._own.undo()
            if isinstance(error, self.store.error):
                raise self._ledger_error(error) from error
            raise
        finally:
            self._nesting.current = None

    def _ledger_error(self, error: Exception) -> LedgerError:
        message = f"the ledger could not be written: {str(error).strip()}"
        effect = self.store.judge_error(error)
        if effect is WriteError.LOST:
            self.fail(message)
        return LedgerInterrupted(message) if effect is WriteError.UNDONE else LedgerError(message)

    def record_approval(self, approval: Approval) -> None:
        """Record an approval, once; the cap of the newest one applies.

        Args:
            approval: to record; which is the newest is decided by the order of arrival.

        Raises:
            LedgerError: the cap is more than a ledger can count (about 4.6 million dollars).
            NotApproved: a later approval was recorded: its cap and its end would count.
        """
        if approval.cap.pico > _MAX_AMOUNT:
            raise LedgerError(f"a cap of {approval.cap} is too large")
        with self.transaction() as head:
            recorded = [each for _, each in read_approvals(self.store, named=True)]
            if refuse_superseded(recorded, approval):
                return
            row = to_row(approval)
            self.store.execute(f"INSERT INTO approval VALUES ({_placeholders(row)})", row)  # noqa: S608
            self._append_entry(head, "approve", "", None, {}, note=approval.spend_id, stored=row)
            head.cap = approval.cap.pico

    def check_watermark(self, watermark: Watermark, next_step: str) -> None:
        """Check that the ledger has the entry of a watermark that was kept elsewhere.

        Raises:
            RestoredLedger: it has not: it is an older copy.
        """
        try:
            refuse_older_copy(self.store, [watermark], self.witness.place, next_step)
        except RestoredLedger:
            self.witness.claim(watermark)
            raise

    def accept_restored(self, watermarks: list[Watermark]) -> Money:
        """Accept that this is an older copy, and hold what is missing.

        What was open when the copy was made counts in full: what became of it is lost. Chunks stay
        open, and their providers are asked what became of them. Their money counts besides what is
        missing: the lost copy may have spent again what they did not cost.

        Returns:
            the amount that is held from now on.

        Raises:
            LedgerError: nothing is missing.
        """
        missing = find_missing(self.store, watermarks)
        if not missing:
            raise LedgerError("nothing is missing from this ledger")
        with self.transaction() as head:
            self.recover_work()
            for attempt, (_, amount) in self.held_attempts().items():
                self.resolve(attempt, amount, "counted in full: a later copy of the ledger is lost")
            self._doubt_chunks()
            lost = amount_missing(missing, head.committed - self.balance.reserved.pico)
            note = describe_accepted(missing, head.seq)
            self._append_entry(head, "restore", "", None, {"held": lost.pico}, note=note)
        return lost

    def _doubt_chunks(self) -> None:
        """Have open chunks looked for before they are sent: the lost copy may have sent them."""
        for note in self.open_chunks():
            if note.state is not ChunkState.CREATED:
                now = datetime.now(UTC).isoformat()
                doubted = replace(note, state=ChunkState.CREATING, asked_at=now)
                self.record_chunk(replace(doubted, waited=0.0, waited_here="", waited_there=""))

    def begin_work(self, work: Work, kept: Work | None = None) -> None:
        """Record that this ledger's money is for a study, and which of its work came first.

        Other work of the same study is recorded by `continue_work`.

        Args:
            work: that is to be done.
            kept: the work of the plan in the run folder; a ledger of before does not say which
                study it is of.

        Raises:
            BadRun: it is for another study.
        """
        with self.transaction() as head:
            known = complete_work(self.store, kept)
            refuse_other_work(known, work)
            if known is None:
                self._append_entry(head, "plan", "", None, {}, note=work.note)
        self._work = work

    @property
    def has_other_work(self) -> bool:
        """Whether the newest work that is recorded is another than the one that was begun."""
        return self._work is not None and read_works(self.store)[-1].digest != self._work.digest

    @property
    def first_work(self) -> str:
        """The digest of the work that was recorded first; empty where none is."""
        return next((each.digest for each in read_works(self.store)), "")

    def continue_work(self) -> None:
        """Record that the study goes on with the work of the plan that was begun."""
        with self.transaction() as head:
            if self._work is not None and self.has_other_work:
                self._append_entry(head, "plan", "", None, {}, note=self._work.note)

    def refuse_newer_work(self) -> None:
        """Refuse to go on where another process has begun with other work meanwhile.

        Raises:
            LedgerBusy: one has.
        """
        if self.has_other_work:
            raise LedgerBusy(
                f"{self.witness.place}: another process began with another plan of this study; "
                "nothing was sent. Run the newest plan of it"
            )

    def allocated_to(self, job: str) -> Money:
        """Return the money allocated to a job."""
        return Money(self._own.allocated_to(job))

    def allocate(self, job: str, amount: Money) -> bool:
        """Allocate money to a job; return False, and change nothing, where the cap forbids it."""
        with self.transaction(durable=False) as head:
            head.refuse_evicted()
            if amount.pico > head.free:
                return False
            self._append_entry(head, "aside", job, None, {"aside": amount.pico})
        return True

    def covers(self, amount: Money) -> bool:
        """Return whether the cap covers an amount beside what is settled, held and reserved.

        What is allocated need not be covered any more, where the cap was lowered.
        """
        state = self._nesting.current or self._state
        return state.committed + amount.pico <= state.cap

    def reserve(self, attempt: Attempt, amount: Money, note: str = "") -> None:
        """Move money allocated to the job to an attempt that is about to be sent.

        Raises:
            LedgerError: less than the amount is allocated, or the cap was lowered meanwhile.
        """
        with self.transaction() as head:
            head.refuse_evicted()
            if self.spool and not self.spool.ledger:
                self.spool.ledger = read_first_hash(self.store)
            if amount.pico > self._own.allocated_to(attempt.job):
                raise LedgerError(
                    f"attempt {attempt.id} needs {amount.to_decimal_string()} USD, but only "
                    f"{self.allocated_to(attempt.job).to_decimal_string()} is allocated to its job"
                )
            if not self.covers(amount):
                raise LedgerError(
                    f"attempt {attempt.id} needs {amount.to_decimal_string()} USD, which the cap "
                    f"of {head.balance.cap} no longer covers"
                )
            row = (attempt.id, *attempt)
            self.store.insert("attempt", row)
            moved = {"aside": -amount.pico, "reserved": amount.pico}
            self._append_entry(
                head, "reserve", attempt.job, attempt.id, moved, note=note, stored=row
            )

    def settle(  # noqa: PLR0913 - what a settlement is made of
        self,
        attempt: Attempt,
        billed: Money,
        answer: StoredAnswer,
        note: str = "",
        *,
        was_spooled: bool = False,
        is_held: bool = False,
    ) -> None:
        """Record what an attempt cost and store its answer, in one transaction.

        The answer of a worker that was taken for dead comes late: its money is held by then. So
        does one that was spooled. Where `is_held`, the whole amount is held besides: it is not
        known whether the answer, a filter's refusal, was billed.
        """
        with self.transaction() as head:
            account, amount = self._locate_money(head, attempt.id, may_be_held=was_spooled)
            row = (attempt.id, *answer)
            self.store.insert("answer", row)
            moved = {"settled": billed.pico}
            if not is_held:
                moved[account] = -amount
            elif account == "reserved":
                moved |= {"reserved": -amount, "held": amount}
            self._append_entry(
                head, "settle", attempt.job, attempt.id, moved, note=note, stored=row
            )

    def record_import(self, attempt: Attempt, answer: StoredAnswer, note: str) -> None:
        """Record an answer from elsewhere; no money moves.

        Args:
            attempt: that stands for how it was asked for.
            answer: as it was found.
            note: where it was found.

        Raises:
            LedgerError: it is a shared ledger.
        """
        if self.is_shared:
            raise LedgerError("answers are imported into a ledger of their own, a file")
        with self.transaction() as head:
            asked = (attempt.id, *attempt)
            told = (attempt.id, *answer)
            self.store.insert("attempt", asked)
            self.store.insert("answer", told)
            self._raise_version(IMPORT_VERSION)
            self._append_entry(
                head, "import", attempt.job, attempt.id, {}, note=note, stored=asked + told
            )

    def refuse_evicted(self) -> None:
        """Refuse to decide about chunks where others took this worker for dead and do so now.

        Raises:
            LedgerError: they did; asked in a transaction.
        """
        (self._nesting.current or self._state).refuse_evicted()

    def is_reserved(self, attempt: Attempt) -> bool:
        """Return whether an attempt's money is reserved."""
        return self.last_kind(attempt.id) == "reserve"

    def last_kind(self, attempt: str) -> str:
        """Return the kind of an attempt's last entry; empty where it has none."""
        row = self._last_entry(attempt)
        return row[0] if row else ""

    def reserved_at(self, attempt: str) -> datetime | None:
        """Return when money was reserved for an attempt; None where none was."""
        query = "SELECT at FROM entry WHERE attempt = ? AND kind = 'reserve'"
        row = self.store.execute(query, (attempt,)).fetchone()
        return datetime.fromisoformat(row[0]) if row else None

    def release(
        self, attempt: Attempt, note: str, *, to_job: bool = True, was_spooled: bool = False
    ) -> None:
        """Return an attempt's money to its job, or free it: the provider did not bill it.

        One that was spooled comes late: its money may be held by then.
        """
        with self.transaction() as head:
            account, amount = self._locate_money(head, attempt.id, may_be_held=was_spooled)
            if account == "held":  # by somebody who took this worker for dead
                moved = {"held": -amount, "settled": 0}
                self._append_entry(head, "resolve", attempt.job, attempt.id, moved, note=note)
                return
            moved = {"reserved": -amount} | ({"aside": amount} if to_job else {})
            self._append_entry(head, "release", attempt.job, attempt.id, moved, note=note)

    def hold(self, attempt: Attempt, note: str) -> None:
        """Hold an attempt's whole amount: it was sent, and may have been billed."""
        with self.transaction() as head:
            account, amount = self._locate_money(head, attempt.id)
            if account == "reserved":
                moved = {"reserved": -amount, "held": amount}
                self._append_entry(head, "hold", attempt.job, attempt.id, moved, note=note)

    def resolve(self, attempt: str, billed: Money, reason: str) -> None:
        """Record what a held attempt cost in the end, and free the rest.

        Raises:
            LedgerError: nothing is held for it.
        """
        with self.transaction() as head:
            row, held = self._last_entry(attempt), self._sum_held(attempt)
            if row is None or not _is_held(row[0], held):
                raise LedgerError(f"attempt {attempt}: nothing is held for it")
            moved = {"held": -held, "settled": billed.pico}
            self._append_entry(head, "resolve", row[1], attempt, moved, note=reason)

    def held_attempts(self) -> dict[str, tuple[str, Money]]:
        """Return each held attempt's id -> its model as written, and the held amount."""
        model = "(SELECT model FROM attempt WHERE attempt.id = entry.attempt)"
        held = "(SELECT SUM(each.held) FROM entry each WHERE each.attempt = entry.attempt)"
        query = _OPEN_ENTRIES.format(f"attempt, {model}, {held}, kind", "hold', 'settle")
        rows = self.store.execute(query)
        return {
            name: (model, Money(int(held)))
            for name, model, held, kind in rows
            if _is_held(kind, held)
        }

    def deallocate(self, job: str) -> None:
        """Free the money still allocated to a job, if any."""
        if allocated := self._own.allocated_to(job):
            with self.transaction(durable=False) as head:
                if head.evicted:
                    return
                self._append_entry(head, "free", job, None, {"aside": -allocated})

    def deallocate_all(self) -> None:
        """Free the money still allocated to any job of this worker, but not that of chunks."""
        for job in self._own.list_jobs():
            if not job.startswith(CHUNK_MARK):
                self.deallocate(job)

    def stop_workers(self, reason: str) -> None:
        """Tell every worker to stop sending."""
        with self.transaction() as head:
            head.stop_reason = reason

    def record_end(self, end: str, reason: str = "") -> None:
        """Record how an execution ended and why, unless others continue it; no money moves."""
        with self.transaction() as head:
            if head.evicted:
                return
            self._append_entry(head, "end", "", None, {}, note=ExecutionEnd(end, reason).to_note())

    def record_look(self, note: str) -> None:
        """Record a look of a sequential test; no money moves."""
        with self.transaction() as head:
            self._append_entry(head, "look", "", None, {}, note=note)

    def recover_work(self, worker: str | None = None) -> int:
        """Hold what was being sent and free what was only allocated, after a crash.

        What is reserved for a chunk that is open stays so, and what is allocated to it: its
        provider goes on working, and says what became of it. Where the work was
        everybody's, this worker has that from now on; else who collects it adopts it.

        Args:
            worker: whose work it was; None is everybody's, who are ended: one that was only
                suspended can spend nothing more.

        Returns:
            how many attempts are held from now on.
        """
        query = _OPEN_ENTRIES.format("attempt, worker, job, reserved, note", "reserve")
        with self.transaction() as head:
            working = {each.chunk for each in self.open_chunks()}

            def is_lost(of: str, note: str) -> bool:
                return worker in (None, of) and read_chunk_name(note) not in working

            if worker is None and self.is_shared:
                self.store.execute(_END_WORKERS)
                self.store.execute(_RETURN_ALL_JOBS)
            found = self.store.execute(query).fetchall()
            lost = [row for row in found if is_lost(row[1], row[4])]
            for attempt, of, job, amount, _ in lost:
                moved = {"reserved": -amount, "held": amount}
                self._append_entry(head, "hold", job, attempt, moved, note=_CRASH_NOTE, worker=of)
            for of, job, amount in self.store.execute(SELECT_ALLOCATED).fetchall():
                if worker in (None, of) and job not in working:
                    self._append_entry(head, "free", job, None, {"aside": -int(amount)}, worker=of)
            if worker is None:
                self.adopt_chunks()
        return len(lost)

    def _locate_money(
        self, head: LedgerState, attempt: str, *, may_be_held: bool = False
    ) -> tuple[str, int]:
        """Return the account and the amount of an open attempt's money.

        Where no one else can have moved it, what this process remembers is enough.
        """
        own = self._own.reserved_for(attempt) if head.is_own else None
        if own is not None:
            return "reserved", own
        row = self._last_entry(attempt)
        if row is not None and row[0] == "reserve":
            return "reserved", row[2]
        if row is not None and row[0] == "hold" and (may_be_held or self.is_shared):
            return "held", row[3]
        raise LedgerError(f"attempt {attempt} is not open: its last entry is {row and row[0]}")

    def _last_entry(self, attempt: str) -> tuple[str, str, int, int] | None:
        """Return the kind, job, reserved and held amounts of an attempt's last entry."""
        query = (
            "SELECT kind, job, reserved, held FROM entry WHERE attempt = ? "
            "ORDER BY seq DESC LIMIT 1"
        )
        row = self.store.execute(query, (attempt,)).fetchone()
        if row is None:
            return None
        kind, job, reserved, held = row
        return kind, job, int(reserved), int(held)

    def _sum_held(self, attempt: str) -> int:
        """Return how much is held for an attempt, by all of its entries."""
        query = "SELECT COALESCE(SUM(held), 0) FROM entry WHERE attempt = ?"
        ((held,),) = self.store.execute(query, (attempt,)).fetchall()
        return int(held)

    def _append_entry(  # noqa: PLR0913 - what an entry is made of
        self,
        head: LedgerState,
        kind: str,
        job: str,
        attempt: str | None,
        moved: dict[str, int],
        *,
        note: str = "",
        stored: tuple[object, ...] = (),
        worker: str | None = None,
    ) -> None:
        """Append an entry to the transaction of `head`; `moved` has the change of each account."""
        changes = [moved.get(account, 0) for account in ACCOUNTS]
        own = self.store.worker
        at, by = datetime.now(UTC).isoformat(), worker or own
        row = (at, kind, by, job, attempt, *changes, note)
        head.seq += 1
        head.last_hash = entry_hash(head.last_hash, row, stored, self.store.key)
        self.store.insert("entry", (head.seq, *row, head.last_hash))
        for account, change in moved.items():
            head.sums[account] += change
        if by == own:
            self._note_own(kind, job, attempt, moved)

    def _note_own(self, kind: str, job: str, attempt: str | None, moved: dict[str, int]) -> None:
        """Remember where this worker's money is after an entry of its own."""
        if change := moved.get("aside", 0):
            self._own.allocate(job, change)
        if attempt is not None and kind == "reserve":
            self._own.reserve(attempt, moved["reserved"])
        elif attempt is not None:
            self._own.end(attempt)


def _is_held(kind: str, held: int) -> bool:
    """Return whether an attempt's money is held after an entry of this kind."""
    return kind == "hold" or (kind == "settle" and held > 0)


def refuse_other_work(known: Work | None, work: Work) -> None:
    """Refuse work of another study than a ledger's.

    Args:
        known: the ledger's newest; None where none is recorded.
        work: that is to be done.

    Raises:
        BadRun: it is of another study, or the ledger does not say which study it is of and was
            for other subjects.
    """
    if known is None or (known.study and known.study == work.study):
        return
    if known.study and work.study:
        raise BadRun(
            f"this ledger is for the study {known.study}, and this plan is of the study "
            f"{work.study}; choose another --run-dir, or plan it for that study:  "
            f"afcost estimate --study {known.study}"
        )
    if known.digest != work.digest and (not known.subjects or known.subjects != work.subjects):
        raise BadRun(
            f"this study's ledger is for another plan (work {known.digest[:12]}, this plan's is "
            f"{work.digest[:12]}), and does not say of which study it is; plan this one as a study "
            "of its own:  afcost estimate --study NAME"
        )


def _placeholders(row: Sequence[object]) -> str:
    return ", ".join("?" * len(row))
