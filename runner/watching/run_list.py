"""The runs in a folder, and those that are known on this machine, each with what it came to.

A folder may hold what others wrote: what cannot be read is named with its error, and the other runs
are listed all the same.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from estimator.forecast import RangeOutcome
from pricing.money import Money
from providers.secrets import redact_addresses
from runner.control import open_notes, read_wishes
from runner.coverage import FinishedRun, find_finished_runs, read_finished_run, read_kept_runs
from runner.errors import LedgerError
from runner.forecasting import read_status
from runner.ledger import LEDGER_FILE, LEDGER_URL_FILE, FileLocation, is_running, read_ledger
from runner.results import RunState
from runner.run_folder import GUARD_FILE, RunFolder, open_run_folder

_FILES = ("plan.json", "control.json", LEDGER_FILE, f"{LEDGER_FILE}-wal")
_LONGEST_ERROR = 300  # characters
_MOST_FOLDERS = 1_000
_AT_ONCE = 16  # databases
_SLOW, _PAUSE = 5.0, 60.0  # seconds: a database that takes longer is not asked again for as long

_Signature = tuple[object, ...]
_Key = tuple[str, str]  # what makes it the same run: its ledger's identity, its plan's digest


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run, as a list of runs shows it.

    Attributes:
        name: its study's.
        folder: of the run; None where only its outcome is kept.
        state: of it; None where it cannot be read, or only its outcome is kept.
        outcome: its forecast beside what it came to; None while it is not complete.
        paused_at: since when it is paused, as ISO 8601; empty where it is not.
        changed: when anything was written to its ledger last, or it was complete.
        error: why it cannot be read; empty where it can.
    """

    name: str
    folder: Path | None
    state: RunState | None
    outcome: RangeOutcome | None
    paused_at: str
    changed: datetime | None
    error: str = ""

    @property
    def answered(self) -> int:
        """How many requests are answered."""
        return sum(actual.requests for _, actual in self.state.strata) if self.state else 0

    @property
    def actual(self) -> Money | None:
        """What it was billed so far, or came to; None where that is not known."""
        if self.outcome is not None:
            return self.outcome.actual
        return self.state.balance.settled if self.state else None


@dataclass(slots=True)
class RunList:
    """Lists runs again and again; what has not changed since is not read again.

    Attributes:
        folder: of the run folders.
        others: run folders beside it.
    """

    folder: Path
    others: tuple[Path, ...] = ()
    _known: dict[Path, tuple[_Signature, ListedRun, _Key]] = field(default_factory=dict)
    _unreached: dict[Path, float] = field(default_factory=dict)
    _has_ended: bool = False

    def list_folders(self) -> list[Path]:
        """Return the run folders, by their names; what is no run folder by its looks is not."""
        found = dict.fromkeys(each.absolute() for each in self.others)
        with suppress(OSError):
            found |= dict.fromkeys(each.absolute() for each in sorted(self.folder.iterdir()))
        return [each for each in found if _looks_like_a_run(each)][:_MOST_FOLDERS]

    def read(self, finished: Sequence[FinishedRun] = ()) -> list[ListedRun]:
        """Return all runs, the one that changed last first.

        Args:
            finished: runs of this machine, of which those that are not in the folders are added.
        """
        listed, seen = [], set[_Key]()
        folders = self.list_folders()
        with ThreadPoolExecutor(_AT_ONCE) as pool:  # databases that do not answer are many seconds
            shared = list(filter(_is_shared, folders))
            found = dict(zip(shared, pool.map(self._read_known, shared), strict=True))
        for folder in folders:
            run, key = found.get(folder) or self._read_known(folder)
            listed.append(run)
            seen.add(key)
        listed += [_list_kept(each) for each in finished if each.key not in seen]
        oldest = datetime.min.replace(tzinfo=UTC)
        return sorted(listed, key=lambda each: each.changed or oldest, reverse=True)

    def end(self) -> None:
        """Read no further run."""
        self._has_ended = True

    def _read_known(self, folder: Path) -> tuple[ListedRun, _Key]:
        if self._has_ended:
            return ListedRun(folder.name, folder, None, None, "", None, "not read"), ("", "")
        signature, began = _sign(folder), time.monotonic()
        known = self._known.get(folder)
        is_known = known is not None and known[0] == signature
        if known is None or not is_known or (None in signature and began > self._again_at(folder)):
            known = self._known[folder] = (signature, *_read_listed(folder))
            if (now := time.monotonic()) - began > _SLOW:
                self._unreached[folder] = now + _PAUSE
        return known[1], known[2]

    def _again_at(self, folder: Path) -> float:
        """Return when a run in a database is read again; one that did not answer has a pause."""
        return self._unreached.get(folder, 0.0)


def list_finished_runs() -> list[FinishedRun]:
    """Return the finished runs that are known on this machine, as `afcost calibration` has them.

    Nothing is kept here: that is for the command.

    Raises:
        BadKeptRuns: the file of kept runs cannot be read.
    """
    kept = {run.key: run for run in read_kept_runs()}
    for each in find_finished_runs(kept.values()):
        kept.setdefault(each.key, each)
    return list(kept.values())


def _looks_like_a_run(folder: Path) -> bool:
    """Return whether a folder holds a plan or a ledger: it may be damaged, and is named then.

    A guarded program's has a ledger without a plan, and no page yet.
    """
    if (folder / GUARD_FILE).exists():
        return False
    names = ("experiment.json", LEDGER_FILE, LEDGER_URL_FILE)
    return any((folder / name).exists() for name in names)


def _is_shared(folder: Path) -> bool:
    """Return whether a run's ledger is in a database."""
    return (folder / LEDGER_URL_FILE).exists()


def _sign(folder: Path) -> _Signature:
    """Return what changes with a run folder; with None in it where its ledger is elsewhere."""
    found: list[object] = [None] if _is_shared(folder) else []
    for name in _FILES:
        with suppress(OSError):
            stat = (folder / name).stat()
            if stat.st_size:  # reading a ledger makes an empty WAL
                found.append((name, stat.st_size, stat.st_mtime_ns))
    with suppress(Exception):  # what is damaged is named when it is read
        found.append(is_running(FileLocation(folder / LEDGER_FILE)))
    return tuple(found)


def _read_listed(folder: Path) -> tuple[ListedRun, _Key]:
    try:
        run = open_run_folder(folder)
        return _list_run(run), (_find_identity(run), run.plan.digest)
    except Exception as error:  # noqa: BLE001 - others may have written any of what is read
        said = redact_addresses(f"{error}")[:_LONGEST_ERROR] or type(error).__name__
        return ListedRun(folder.name, folder, None, None, "", None, said), ("", "")


def _find_identity(run: RunFolder) -> str:
    with read_ledger(run.ledger_location, was_checked=True) as reader:
        return reader.identity()


def _list_run(run: RunFolder) -> ListedRun:
    state = read_status(run)
    finished = read_finished_run(run) if state.outcome == "complete" else None
    paused_at = ""
    with suppress(LedgerError), open_notes(run.ledger_location) as notes:
        paused_at = read_wishes(notes).paused_at
    return ListedRun(
        run.plan.study or run.plan.name,
        run.path,
        state,
        finished.total if finished else None,
        paused_at if state.outcome != "complete" else "",
        _find_last_change(run.path),
    )


def _find_last_change(folder: Path) -> datetime | None:
    times = []
    for name in (LEDGER_FILE, f"{LEDGER_FILE}-wal", "plan.json"):
        with suppress(OSError):
            times.append((folder / name).stat().st_mtime)
    return datetime.fromtimestamp(max(times), UTC) if times else None


def _list_kept(run: FinishedRun) -> ListedRun:
    return ListedRun(run.study, None, None, run.total, "", run.finished)
