"""The spool: answers that arrived when the ledger could no longer be written.

Each is a line of a private file beside the ledger or, where that disk takes nothing either, in the
user's state folder or a temporary one. The next opening of the ledger settles them in the ordinary
way, so that they are not paid for again, and then removes the file.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from estimator.user_dirs import state_folder
from pricing.money import Money
from runner.errors import LedgerError
from runner.ledger.records import Attempt, StoredAnswer
from runner.ledger.schema import read_first_hash
from runner.state import append_line, open_lines

if TYPE_CHECKING:
    from runner.ledger.ledger import Ledger

_FORMAT = "afcost.spool/1"
_OPEN_KINDS = {"reserve", "hold"}  # an attempt's last entry, while its money is not settled
_RESERVE_FILE, _RESERVE_BYTES = "answers.reserve", 4 << 20


@dataclass(frozen=True, slots=True)
class SpooledAnswer:
    """An answer that is still to be settled; the fields are what `Ledger.settle` takes."""

    attempt: Attempt
    billed: Money
    answer: StoredAnswer
    note: str
    is_held: bool = False


class AnswerSpool:
    """Where the answers of one ledger are kept that it cannot take.

    It may be used by several threads.

    Args:
        folder: of the ledger, or of the run.

    Attributes:
        ledger: the hash of the ledger's first entry, by which its answers are known; empty while
            it has none.
        kept: how many answers this process keeps here, by file.
        lost: the attempts whose answers no folder took.
        restored: how many answers of earlier processes were settled when the ledger was opened.
        unsettled: files with answers that the ledger cannot settle.
    """

    def __init__(self, folder: Path) -> None:
        self.ledger = ""
        self.kept: dict[Path, int] = {}
        self.lost: list[str] = []
        self.restored = 0
        self.unsettled: list[Path] = []
        self._folder = folder
        self._lock = threading.Lock()

    def keep(self, spooled: SpooledAnswer) -> None:
        """Keep an answer in the first folder that takes it, durably."""
        line = _to_line(self.ledger, spooled)
        with self._lock:
            self._free_space()
            for path in self._paths():
                try:
                    append_line(path, line, private_folder=path.parent != self._folder)
                except OSError:
                    continue
                self.kept[path] = self.kept.get(path, 0) + 1
                return
            self.lost.append(spooled.attempt.id)

    @contextmanager
    def reserve_space(self) -> Iterator[None]:
        """Occupy some space beside the ledger, which answers can have when the disk is full."""
        path = self._folder / _RESERVE_FILE
        with suppress(OSError):
            path.touch(mode=0o600)
            if path.stat().st_size < _RESERVE_BYTES:
                path.write_bytes(os.urandom(_RESERVE_BYTES))  # zeros may take no space
        try:
            yield
        finally:
            self._free_space()

    def _free_space(self) -> None:
        with suppress(OSError):
            (self._folder / _RESERVE_FILE).unlink(missing_ok=True)

    def find_files(self) -> list[Path]:
        """Return the files that hold answers of this ledger."""
        return [path for path in self._paths() if self.ledger and path.is_file()]

    def describe(self) -> str:
        """Return what became of the answers that the ledger did not take, for a person."""
        parts = [f"{_count(number)}: kept in {path}" for path, number in self.kept.items()]
        if self.lost:
            parts.append(
                f"{_count(len(self.lost))}: lost, because no folder could be written; "
                "the money of each stays held"
            )
        return "; ".join(parts) or "no answer was lost"

    def _paths(self) -> Iterator[Path]:
        name = f"answers-{self.ledger[:16]}.jsonl"
        yield self._folder / name
        yield state_folder() / "spool" / name
        user = f"-{os.geteuid()}" if hasattr(os, "geteuid") else ""
        yield Path(tempfile.gettempdir()) / f"afcost{user}" / name


def settle_spooled(ledger: Ledger) -> None:
    """Settle all spooled answers of a ledger that was opened, and remove what kept them.

    Raises:
        LedgerError: they could still not be written; they stay where they are.
    """
    spool = ledger.spool
    if spool is None:
        return
    spool.ledger = read_first_hash(ledger.store)
    for path in spool.find_files():
        try:
            whole = _settle_file(ledger, spool, path)
        except OSError:  # not ours to read
            whole = False
        if not whole:
            spool.unsettled.append(path)


def _settle_file(ledger: Ledger, spool: AnswerSpool, path: Path) -> bool:
    """Settle a file's answers; return whether none is left, and the file with them."""
    with open_lines(path) as (lines, whole):
        read = [_from_line(line, spool.ledger) for line in lines]
        settled = [_settle(ledger, each, path) if each else None for each in read]
        spool.restored += settled.count(True)
        if not whole or None in settled:
            return False
        path.unlink()
        return True


def _settle(ledger: Ledger, spooled: SpooledAnswer, path: Path) -> bool | None:
    """Settle an answer.

    Returns:
        True if it is settled now, False if it was before, None if it cannot be.

    Raises:
        LedgerError: nothing can be written to the ledger.
    """
    kind = ledger.last_kind(spooled.attempt.id)
    if kind == "settle":
        return False
    if kind not in _OPEN_KINDS:  # resolved by hand, or of a ledger that was restored
        return None
    with suppress(LedgerError):
        ledger.settle(
            spooled.attempt,
            spooled.billed,
            spooled.answer,
            spooled.note,
            was_spooled=True,
            is_held=spooled.is_held,
        )
        return True
    if ledger.failure:
        raise LedgerError(f"{ledger.failure}; answers that are not settled yet stay in {path}")
    return None


def _to_line(ledger: str, spooled: SpooledAnswer) -> bytes:
    kept = {
        "format": _FORMAT,
        "ledger": ledger,
        "attempt": spooled.attempt._asdict(),
        "billed": spooled.billed.pico,
        "answer": spooled.answer._asdict(),
        "note": spooled.note,
        "is_held": spooled.is_held,
    }
    return f"{json.dumps(kept)}\n".encode()


def _from_line(line: str, ledger: str) -> SpooledAnswer | None:
    """Read a line; None where it is damaged, or of another ledger."""
    try:
        kept = json.loads(line)
        attempt, answer = Attempt(**kept["attempt"]), StoredAnswer(**kept["answer"])
        billed = int(kept["billed"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    if kept["format"] != _FORMAT or kept["ledger"] != ledger or billed < 0:
        return None
    is_held = kept.get("is_held") is True
    return SpooledAnswer(attempt, Money(billed), answer, str(kept["note"]), is_held)


def _count(number: int) -> str:
    return f"{number:,} answer{'' if number == 1 else 's'} that arrived"
