"""The spool: what became of attempts when the ledger could no longer be written.

Answers that arrived, and releases: attempts that cost nothing, because they were not sent or not
billed. Each is a line of a private file beside the ledger or, where that disk takes nothing either,
in the user's state folder or a temporary one. The next opening of the ledger settles the answers in
the ordinary way, so that they are not paid for again, and then removes their file; of a release it
removes the file first, because it must not be read when its attempt's number is used once more. It
may have been where an opening did not find the file, because it had another state folder: so what
was reserved after a release was kept is not released by it.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
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
_ANSWERS, _RELEASES = "answers", "releases"  # names of files
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


@dataclass(frozen=True, slots=True)
class SpooledRelease:
    """An attempt that is still to be released: what `Ledger.release` takes, and since when.

    Attributes:
        at: when it was known to cost nothing.
    """

    attempt: Attempt
    note: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class AnswerSpool:
    """Where the answers and releases of one ledger are kept that it cannot take.

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
        with self._lock:
            if path := self._append(_ANSWERS, _to_line(self.ledger, spooled)):
                self.kept[path] = self.kept.get(path, 0) + 1
            else:
                self.lost.append(spooled.attempt.id)

    def keep_release(self, spooled: SpooledRelease) -> None:
        """Keep that an attempt cost nothing; where no folder takes it, its money stays held."""
        with self._lock:
            self._append(_RELEASES, _to_release_line(self.ledger, spooled))

    def _append(self, kind: str, line: bytes) -> Path | None:
        """Append a line to the first file that takes it, and return that file."""
        self._free_space()
        for path in self._paths(kind):
            with suppress(OSError):
                append_line(path, line, private_folder=path.parent != self._folder)
                return path
        return None

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
        return self._find_files(_ANSWERS)

    def take_releases(self) -> list[SpooledRelease]:
        """Return the releases of this ledger, and remove their files."""
        taken = []
        for path in self._find_files(_RELEASES):
            with suppress(OSError), open_lines(path) as (lines, _):
                path.unlink()
                taken += [each for line in lines if (each := _from_release_line(line, self.ledger))]
        return taken

    def _find_files(self, kind: str) -> list[Path]:
        return [path for path in self._paths(kind) if self.ledger and path.is_file()]

    def describe(self) -> str:
        """Return what became of the answers that the ledger did not take, for a person."""
        parts = [f"{_count(number)}: kept in {path}" for path, number in self.kept.items()]
        if self.lost:
            parts.append(
                f"{_count(len(self.lost))}: lost, because no folder could be written; "
                "the money of each stays held"
            )
        return "; ".join(parts) or "no answer was lost"

    def _paths(self, kind: str) -> Iterator[Path]:
        name = f"{kind}-{self.ledger[:16]}.jsonl"
        yield self._folder / name
        yield state_folder() / "spool" / name
        user = f"-{os.geteuid()}" if hasattr(os, "geteuid") else ""
        yield Path(tempfile.gettempdir()) / f"afcost{user}" / name


def settle_spooled(ledger: Ledger) -> None:
    """Settle and release all that is spooled of a ledger that was opened, and remove its files.

    Raises:
        LedgerError: it could still not be written; answers stay where they are.
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
    _release_all(ledger, spool)


def _release_all(ledger: Ledger, spool: AnswerSpool) -> None:
    """Release what is spooled, unless that was done, or it was reserved later, or never.

    Raises:
        LedgerError: nothing can be written to the ledger; what is not released is kept once more.
    """
    releases = spool.take_releases()
    while releases:
        try:
            _release(ledger, releases[0])
        except LedgerError:
            if ledger.failure:
                for each in releases:
                    spool.keep_release(each)
                raise
        del releases[0]


def _release(ledger: Ledger, spooled: SpooledRelease) -> None:
    attempt = spooled.attempt
    reserved_at = ledger.reserved_at(attempt.id)
    if reserved_at is None or reserved_at > spooled.at:
        return
    if ledger.last_kind(attempt.id) in _OPEN_KINDS:
        ledger.release(attempt, spooled.note, to_job=False, was_spooled=True)


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


def _to_release_line(ledger: str, spooled: SpooledRelease) -> bytes:
    kept = {
        "format": _FORMAT,
        "ledger": ledger,
        "attempt": spooled.attempt._asdict(),
        "note": spooled.note,
        "at": spooled.at.isoformat(),
    }
    return f"{json.dumps(kept)}\n".encode()


def _from_release_line(line: str, ledger: str) -> SpooledRelease | None:
    """Read a line; None where it is damaged, or of another ledger."""
    try:
        kept = json.loads(line)
        at = datetime.fromisoformat(kept["at"]).astimezone(UTC)
        release = SpooledRelease(Attempt(**kept["attempt"]), str(kept["note"]), at)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return release if (kept["format"], kept["ledger"]) == (_FORMAT, ledger) else None


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
