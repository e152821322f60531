"""The witness of a ledger: keeps outside of it how far it had come, and refuses an older copy.

After each durable transaction the ledger's last entry is marked in the state directory. Before the
ledger commits more than was promised, or spends into a further hundredth of its cap, a promise is
flushed to the disk: there, and in the approval's file beside the plan.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from filelock import Timeout

from pricing.money import Money
from runner.errors import LedgerError, RestoredLedger
from runner.ledger.hash_chain import last_entry
from runner.ledger.schema import Database, LedgerState
from runner.state import KnownLedger, MarkFile, Turn, Watermark, find_known_ledger

_PROMISES = 100  # of a cap


class Witness:
    """Keeps how far one ledger has come, while a process writes to it.

    Args:
        known: what the state directory keeps of it.
        mark: its mark, open for writing; None where the state directory cannot be written, so
            that only the watermark beside the plan is kept.
        state: the ledger's state, as it is on the disk.
        turn: to write in the state directory, where other processes write to the ledger too.
    """

    def __init__(
        self, known: KnownLedger, mark: MarkFile | None, state: LedgerState, turn: Turn | None
    ) -> None:
        self._known = known
        self._mark = mark
        self._turn = turn
        self._durable = Watermark(known.identity, state.seq, state.last_hash, Money())
        self._promised = self._spent = -1  # pico-dollars
        self._keepers: list[Callable[[Watermark], None]] = []

    @property
    def identity(self) -> str:
        """The ledger's identity."""
        return self._known.identity

    @property
    def durable(self) -> Watermark:
        """The newest entry that survives a power cut."""
        return self._durable

    @property
    def place(self) -> str:
        """Where the ledger is."""
        return self._known.location

    @property
    def plan_file(self) -> str:
        """The plan that was run last before it was opened, as this machine knows; or empty."""
        return find_known_ledger(self._known.identity).plan_file

    def claim(self, watermark: Watermark) -> None:
        """Keep a watermark from elsewhere that the ledger could not meet."""
        with suppress(OSError):
            self._known.save_claim(watermark)

    def remember(self, study: str, plan: str, plan_file: str) -> None:
        """Keep what the ledger is for."""
        with suppress(OSError):
            replace(self._known, study=study, plan=plan, plan_file=plan_file).save()

    def also_promise(self, keep: Callable[[Watermark], None]) -> None:
        """Have each promise kept in a further place."""
        self._keepers.append(keep)

    def promise(self, before: LedgerState, after: LedgerState) -> None:
        """Flush a promise, if one is due, before a transaction is committed.

        Raises:
            LedgerError: more is to be reserved, and it cannot be written.
        """
        step = max(after.cap // _PROMISES, 1)
        spent = after.sums["settled"] + after.sums["held"]
        if after.committed <= self._promised and spent < self._spent + step:
            return
        promised = -(-after.committed // step) * step
        promise = replace(self._durable, committed=Money(promised))
        is_kept = self._keep_promise(promise)
        try:
            for keep in self._keepers:
                # A process that is suspended may have the lock of that place.
                with suppress(*[Timeout] if is_kept else []):
                    keep(promise)
        except OSError as error:
            if after.sums["reserved"] > before.sums["reserved"]:
                raise LedgerError(
                    f"the watermark beside the plan cannot be written ({error}); nothing more is "
                    "sent"
                ) from error
            return  # what was received is stored in any case
        self._promised, self._spent = promised, spent

    def mark(self, state: LedgerState) -> None:
        """Mark the newest entry, after a durable transaction."""
        self._durable = Watermark(self.identity, state.seq, state.last_hash, Money(state.committed))
        if self._mark is not None:
            with suppress(OSError):
                self._mark.write(self._durable)

    def _keep_promise(self, promise: Watermark) -> bool:
        """Keep a promise in the state directory; return whether it could be."""
        with suppress(OSError):
            self._known.save_promise(promise, self._turn)
            return True
        return False


def refuse_older_copy(
    database: Database, watermarks: list[Watermark], place: str, next_step: str
) -> None:
    """Refuse a ledger from which entries are missing that were there before.

    Args:
        database: the ledger.
        watermarks: how far it had come, the surest first.
        place: where it is, for the message.
        next_step: how the missing amount is counted as spent.

    Raises:
        RestoredLedger: it is an older copy, or one that went on from an older copy.
    """
    missing = find_missing(database, watermarks)
    if not missing:
        return
    seq, most = last_entry(database)[0], max(each.seq for each in missing)
    found = (
        f"it has entries up to {seq:,} of {most:,}"
        if seq < most
        else f"its entry {most:,} is not the one that was written"
    )
    amount = amount_missing(missing, committed_in(database))
    raise RestoredLedger(
        f"ledger {place} is an older copy: {found}, and about {amount} that was spent or reserved "
        "is missing; nothing was sent. Put the newest copy back, its file ledger.sqlite-wal with "
        f"it; if it is lost, count what is missing as spent:  {next_step}"
    )


def find_missing(database: Database, watermarks: list[Watermark]) -> list[Watermark]:
    """Return the watermarks that a ledger neither has nor has accepted as lost."""
    missing = [each for each in watermarks if not _has_entry(database, each)]
    if not missing:
        return []
    query = "SELECT note FROM entry WHERE kind = 'restore'"
    notes = [str(note) for (note,) in database.execute(query).fetchall()]
    return [each for each in missing if not any(_name(each) in note for note in notes)]


def amount_missing(missing: list[Watermark], committed: int) -> Money:
    """Return what was spent beyond what a ledger says, by the surest of the newest watermarks."""
    surest = missing[0]
    for each in missing:
        if each.seq > surest.seq:
            surest = each
    return max(surest.committed - Money(committed), Money())


def describe_accepted(missing: list[Watermark], seq: int) -> str:
    """Return the note of the entry that accepts an older copy; it names what was missing."""
    most = max(each.seq for each in missing)
    names = ", ".join(sorted({_name(each) for each in missing}))
    return f"an older copy was put back: it had entries up to {seq} of {most} ({names})"


def committed_in(database: Database) -> int:
    """Return what a ledger counts as settled, held and reserved, in pico-dollars."""
    ((amount,),) = database.execute(
        "SELECT COALESCE(SUM(settled + held + reserved), 0) FROM entry"
    ).fetchall()
    return int(amount)


def _has_entry(database: Database, watermark: Watermark) -> bool:
    if watermark.seq == 0:
        return True
    row = database.execute("SELECT hash FROM entry WHERE seq = ?", (watermark.seq,)).fetchone()
    return row is not None and row[0] == watermark.hash


def _name(watermark: Watermark) -> str:
    return f"{watermark.seq}:{watermark.hash}"
