"""Known ledgers: what the user's state directory keeps of each ledger, apart from the ledger.

Each has a folder of its own, named by its identity:

    about.json      where it is, its study and its plan
    mark            how far it had come, exactly: overwritten in place after each transaction that
                    is durable, so it survives `kill -9` and costs microseconds
    promise.json    the same, flushed to the disk, with an amount that is not exceeded before the
                    next promise is flushed: it survives a power cut
    claim.json      one from the file of an approval, which the ledger could not meet

A ledger that has fewer entries than are known here, or other ones, is an older copy.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path

from filelock import FileLock

from estimator.atomic_write import write_atomically
from estimator.json_files import read_json_file
from estimator.user_dirs import state_folder
from pricing.money import Money
from runner.errors import LedgerError
from runner.state.turn import Turn
from runner.state.watermark import Watermark

_IDENTITY = re.compile(r"[0-9a-f]{32}")
_LOCK_TIMEOUT = 2.0  # seconds; what is locked takes milliseconds
_PROMISE, _CLAIM = "promise.json", "claim.json"


@dataclass(frozen=True, slots=True)
class KnownLedger:
    """What is known of a ledger, apart from itself.

    Attributes:
        identity: its random name, made with it.
        location: where it is, or was: a path, or a database's address without password.
        study, plan: the study's name and the newest plan's digest; empty where none was run.
        plan_file: where that plan is; its approval stands beside it.
    """

    identity: str
    location: str = ""
    study: str = ""
    plan: str = ""
    plan_file: str = ""

    @property
    def folder(self) -> Path:
        """The folder in the state directory.

        Raises:
            LedgerError: the identity is none, so somebody changed the ledger.
        """
        if not _IDENTITY.fullmatch(self.identity):
            raise LedgerError(f"the ledger's identity {self.identity[:40]!r} was changed")
        return state_folder() / "ledgers" / self.identity

    def watermarks(self) -> list[Watermark]:
        """Return how far the ledger had come, as far as is known; the surest first."""
        if not self.identity:
            return []
        mark = _read_mark(self.folder / "mark", self.identity)
        found = (mark, *map(self._read, (_PROMISE, _CLAIM)))
        return [each for each in found if each is not None]

    @property
    def newest(self) -> Watermark | None:
        """The watermark of the newest entry that is known."""
        return max(self.watermarks(), key=lambda each: each.seq, default=None)

    def save(self) -> None:
        """Keep where the ledger is, and what for; what is not said stays as it was."""
        known = asdict(find_known_ledger(self.identity))
        said = known | {name: value for name, value in asdict(self).items() if value}
        if said != known or not (self.folder / "about.json").exists():
            write_atomically(self.folder / "about.json", json.dumps(said, indent=1) + "\n")

    def new_turn(self) -> Turn:
        """Return what a process waits for that writes here beside others."""
        lock = FileLock(self.folder / "known.lock", thread_local=False)
        return Turn(lock, _LOCK_TIMEOUT)

    def save_promise(self, promise: Watermark, turn: Turn | None) -> None:
        """Keep a watermark over a power cut; of a shared ledger, the largest amount stays.

        Args:
            promise: to keep.
            turn: of a shared ledger.

        Raises:
            OSError: it cannot be written, or another process keeps the lock.
        """
        with turn.take() if turn else nullcontext():
            found = self._read(_PROMISE) if turn else None
            self._write(_PROMISE, promise if found is None else promise.join(found))

    def save_claim(self, claim: Watermark) -> None:
        """Keep a watermark from elsewhere that the ledger could not meet."""
        self._write(_CLAIM, claim)

    def forget_claims(self, state: Watermark) -> None:
        """Begin again from a ledger's state, after what it had lost was accepted."""
        with self.open_mark(self.new_turn()) as mark:
            mark.write(state, even_if_older=True)
        self._write(_PROMISE, state)
        (self.folder / _CLAIM).unlink(missing_ok=True)

    def _read(self, name: str) -> Watermark | None:
        with suppress(OSError, ValueError, KeyError, TypeError):
            found = Watermark.from_json(read_json_file(self.folder / name))
            return found if found.ledger == self.identity else None
        return None

    def _write(self, name: str, watermark: Watermark) -> None:
        text = json.dumps(watermark.to_json(), indent=1) + "\n"
        write_atomically(self.folder / name, text, durable=True)

    @contextmanager
    def open_mark(self, turn: Turn | None) -> Iterator[MarkFile]:
        """Open the mark for writing.

        Args:
            turn: to write it, where other processes write it too.

        Raises:
            OSError: it cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.folder / "mark"
        path.touch(mode=0o600)
        with path.open("r+b", buffering=0) as file:
            yield MarkFile(file, self.identity, turn)


class MarkFile:
    """The mark of a ledger that is open for writing.

    Args:
        file: open for reading and writing.
        ledger: the identity of the ledger.
        turn: to write the mark; None where no other process writes it.
    """

    def __init__(self, file: FileIO, ledger: str, turn: Turn | None) -> None:
        self._file = file
        self._ledger = ledger
        self._turn = turn

    def write(self, mark: Watermark, *, even_if_older: bool = False) -> None:
        """Overwrite the mark, unless another process has written a newer one.

        Raises:
            OSError: it cannot be written, or another process keeps the lock.
        """
        if self._turn is None:
            self._overwrite(mark)
            return
        with self._turn.take():
            self._file.seek(0)
            found = None if even_if_older else _parse_mark(self._file.read(), self._ledger)
            if found is None or found.seq <= mark.seq:
                self._overwrite(mark)

    def _overwrite(self, mark: Watermark) -> None:
        self._file.seek(0)
        self._file.write(_format_mark(mark))


def find_known_ledger(identity: str) -> KnownLedger:
    """Return what is known of a ledger, which may be no more than its identity."""
    known = KnownLedger(identity)
    with suppress(OSError, ValueError, TypeError):
        known = KnownLedger(**read_json_file(known.folder / "about.json"))
    return known if known.identity == identity else KnownLedger(identity)


def list_known_ledgers() -> list[KnownLedger]:
    """Return every ledger that was written on this machine, by its study's name."""
    with suppress(OSError):
        names = [each.name for each in (state_folder() / "ledgers").iterdir()]
        known = [find_known_ledger(name) for name in names if _IDENTITY.fullmatch(name)]
        return sorted(known, key=lambda each: (each.study, each.location))
    return []


def _format_mark(mark: Watermark) -> bytes:
    """Return a mark as a line that is always of the same length."""
    text = f"{mark.seq:020} {mark.hash} {mark.committed.pico:+021}"
    return f"{text} {_checksum(text, mark.ledger)}\n".encode()


def _parse_mark(line: bytes, ledger: str) -> Watermark | None:
    """Read a mark; None where there is none, or where it was not written whole."""
    with suppress(ValueError):
        text, _, checksum = line.decode().strip().rpartition(" ")
        seq, digest, committed = text.split(" ")
        if checksum == _checksum(text, ledger):
            return Watermark(ledger, int(seq), digest, Money(int(committed)))
    return None


def _read_mark(path: Path, ledger: str) -> Watermark | None:
    with suppress(OSError):
        return _parse_mark(path.read_bytes(), ledger)
    return None


def _checksum(text: str, ledger: str) -> str:
    return hashlib.sha256(f"{ledger} {text}".encode()).hexdigest()[:16]
