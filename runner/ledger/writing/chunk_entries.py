"""Chunk entries: the part of a ledger that writes what is known of batches.

A chunk is reserved whole, in one transaction with the entry that says what it is. What becomes of
it is appended, and its attempts are settled, released or held as all others are.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from pricing.money import Money
from runner.ledger.reading import ChunkNote, ResumeQueries, name_reservation
from runner.ledger.records import Attempt
from runner.ledger.schema import BATCH_VERSION, LedgerState, Store, read_first_hash
from runner.ledger.spool import AnswerSpool
from runner.ledger.writing.own_money import OwnMoney

SELECT_ALLOCATED = (
    "SELECT worker, job, SUM(aside) FROM entry GROUP BY worker, job HAVING SUM(aside) <> 0"
)


class ChunkEntries(ResumeQueries):
    """Writes the chunks of a ledger; `Ledger` has the rest.

    Attributes:
        store: where it is kept.
        spool: keeps answers that can no longer be written to it; None where none can.
    """

    store: Store
    spool: AnswerSpool | None
    _own: OwnMoney

    @property
    @abstractmethod
    def is_shared(self) -> bool:
        """Whether other workers also write to it."""

    @property
    @abstractmethod
    def worker(self) -> str:
        """The name under which this process writes."""

    @abstractmethod
    def transaction(self, *, durable: bool = True) -> AbstractContextManager[LedgerState]:
        """Group several writes in one transaction: all of them are kept, or none."""

    @abstractmethod
    def covers(self, amount: Money) -> bool:
        """Return whether the cap covers an amount beside what is settled, held and reserved."""

    @abstractmethod
    def deallocate(self, job: str) -> None:
        """Free the money still allocated to a job, if any."""

    @abstractmethod
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

    def reserve_chunk(
        self,
        note: ChunkNote,
        lines: Sequence[Sequence[tuple[Attempt, Money]]],
        cover: Money = Money(),  # noqa: B008 - frozen
    ) -> ChunkNote | None:
        """Reserve all that a chunk may cost, before anything of it is sent; all of it, or nothing.

        What is allocated to its jobs is used first. Its attempts stay reserved, also over a crash,
        until `settle`, `release` or `hold` says of each what became of it.

        Args:
            note: what it is; the ledger fills in where its attempts are.
            lines: what is sent: of each request the attempts that it is, with their amounts.
            cover: allocated to the chunk besides, for what its answers will need, until it ends.

        Returns:
            the note as it was recorded; None, with nothing written, where the cap does not cover
            it or nothing may be sent any more.
        """
        attempts = [each for line in lines for each in line]
        whole = sum(amount.pico for _, amount in attempts)
        by_job: dict[str, int] = {}
        for attempt, amount in attempts:
            by_job[attempt.job] = by_job.get(attempt.job, 0) + amount.pico
        own = sum(min(self._own.allocated_to(job), pico) for job, pico in by_job.items())
        with self.transaction() as head:
            is_covered = whole + cover.pico - own <= head.free and self.covers(Money(whole))
            if head.is_stopped or not is_covered:
                return None
            if self.spool and not self.spool.ledger:
                self.spool.ledger = read_first_hash(self.store)
            self._raise_version(BATCH_VERSION)
            note = replace(
                note,
                first=head.seq + 2,
                lines=len(lines),
                attempts=len(attempts),
                reserved=whole,
            )
            self.record_chunk(note)
            for number, line in enumerate(lines):
                for attempt, amount in line:
                    self._reserve_line(
                        head, attempt, amount.pico, name_reservation(note.chunk, number)
                    )
            if cover:
                moved = {"aside": cover.pico}
                self._append_entry(head, "aside", note.chunk, None, moved)
        return note

    def _reserve_line(self, head: LedgerState, attempt: Attempt, amount: int, note: str) -> None:
        row = (attempt.id, *attempt)
        self.store.insert("attempt", row)
        moved = {"reserved": amount}
        if used := min(self._own.allocated_to(attempt.job), amount):
            moved["aside"] = -used
        self._append_entry(head, "reserve", attempt.job, attempt.id, moved, note=note, stored=row)

    def chunks(self) -> list[ChunkNote]:
        """Return what is known of each chunk, in the order in which they were begun."""
        if self.is_shared and self.store.read_version() < BATCH_VERSION:
            return []  # asked whenever a worker ends, where all entries would be looked through
        return super().chunks()

    def adopt_chunks(self) -> None:
        """Have what is allocated to open chunks be this worker's, who collects them.

        Raises:
            LedgerError: others took this worker for dead, and collect them.
        """
        with self.transaction() as head:
            head.refuse_evicted()
            names = [each.chunk for each in self.open_chunks()]
            found = self.store.execute(SELECT_ALLOCATED).fetchall() if names else []
            for of, job, amount in found:
                if job in names and of != self.worker:
                    self._append_entry(head, "free", job, None, {"aside": -int(amount)}, worker=of)
                    self._append_entry(head, "aside", job, None, {"aside": int(amount)})

    def record_chunk(self, note: ChunkNote) -> None:
        """Record what is known of a chunk; where it has ended, what is allocated to it is free.

        Raises:
            LedgerError: others took this worker for dead, and collect it.
        """
        with self.transaction() as head:
            head.refuse_evicted()
            self._append_entry(head, "batch", "", None, {}, note=note.to_text())
            if not note.is_open:
                self.deallocate(note.chunk)

    def pass_cover(self, chunk: str, job: str, amount: Money) -> None:
        """Allocate to a job a part of what is allocated to its chunk, at most what there is."""
        with self.transaction(durable=False) as head:
            passed = min(amount.pico, self._own.allocated_to(chunk))
            if passed > 0 and not head.evicted:
                self._append_entry(head, "free", chunk, None, {"aside": -passed})
                self._append_entry(head, "aside", job, None, {"aside": passed})

    def _raise_version(self, version: int) -> None:
        """Have earlier versions refuse this ledger from this transaction on."""
        if self.store.read_version() < version:
            self.store.write_version(version)
