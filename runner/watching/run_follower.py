"""The run follower: all that is known of a run now, read from what is new in its ledger.

A look reads only the entries since the last one, so it costs no more late in a run than early. It
gives the same figures as `read_status`. A ledger that has had the work of other plans is read whole
each time, as there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from estimator.forecast import Stratum
from experiment.definition import SUBJECT
from pricing.money import Money
from runner.control import Wishes, open_notes, read_wishes
from runner.errors import LedgerError
from runner.forecasting import read_status
from runner.launch import LiveNote, find_live_note
from runner.ledger import (
    AttemptRecord,
    Change,
    ChunkNote,
    LedgerReader,
    is_running,
    read_ledger,
)
from runner.results import RunRecords, RunState, StratumActual, judge_outcome
from runner.results.reading import LatestAnswer, LatestAnswers
from runner.run_folder import open_run_folder
from runner.timing import AwayBatch, list_away
from runner.watching.call_tally import CallTally, ModelCalls
from runner.watching.spending_curve import SpendingCurve, SpendingPoint
from runner.watching.strata_follower import StrataFollower

_SHOWN_ANSWERS = 8
_PLAN_FILE = "plan.json"


@dataclass(frozen=True, slots=True)
class ExpectedEnd:
    """When a run will end: likely, and a 90 % range."""

    low: datetime
    likely: datetime
    high: datetime


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """All that is known of a run at a moment.

    Attributes:
        at: the moment.
        seq: the newest entry of its ledger.
        digest: of its plan.
        state: as its status has it.
        live: the forecast of its end, what was warned of, and what its workers leave.
        wishes: what is asked of it.
        calls: by model.
        began: when the first money moved; None before.
        latest: the newest answers, the newest first.
        end: when it will end if it goes on as by its last answers; None where that says nothing.
        batches: that are away.
        cached: model as written -> tokens of prompts read from a cache, and written to one.
    """

    at: datetime
    seq: int
    digest: str
    state: RunState
    live: LiveNote
    wishes: Wishes
    calls: tuple[ModelCalls, ...]
    began: datetime | None
    latest: tuple[LatestAnswer, ...]
    end: ExpectedEnd | None
    batches: tuple[AwayBatch, ...] = ()
    cached: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def run_cpu_seconds(self) -> float:
        """What the run's processes have taken of a processor, as far as they say."""
        return sum(each.cpu_seconds for each in self.live.workers.values())


class RunFollower:
    """Follows a run.

    Args:
        folder: of the run.

    Raises:
        BadRun: it is not one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._identity = folder, ""
        self._open()

    def _open(self) -> None:
        self.run = open_run_folder(self._folder)
        self._opened_as = self._identify_plan()
        self._digest, self._plan_file = self.run.plan.digest, ""
        self._strata, self._calls, self._curve = StrataFollower(), CallTally(), SpendingCurve()
        self._answers = LatestAnswers(self.run)
        self._jobs: deque[str] = deque(maxlen=_SHOWN_ANSWERS)
        self._latest: tuple[LatestAnswer, ...] | None = None  # None where it is to be read
        self._held: dict[str, int] = {}  # by attempt, where it is not zero
        self._chunks: dict[str, ChunkNote] = {}  # those that are open
        self._timed: list[tuple[str, float]] = []  # the others: their models, and their seconds
        self._cap, self._plans, self._seq = Money(), 0, 0

    def _identify_plan(self) -> tuple[int, int]:
        found = (self._folder / _PLAN_FILE).stat()
        return found.st_mtime_ns, found.st_ino

    def look(self, now: datetime) -> RunSnapshot:
        """Read what is new, and return all that is known.

        Raises:
            LedgerError: the ledger cannot be read.
            BadRun: the run folder is gone, or holds something else now.
        """
        if self._identify_plan() != self._opened_as:
            self._open()  # another plan of the study is run
        location = self.run.ledger_location
        with read_ledger(location, was_checked=self._seq > 0) as reader:
            if self._is_other(reader):
                self._open()
            is_busy = is_running(location)
            self._follow(reader)
            state = self._describe_state(reader, is_busy=is_busy)
            if self._latest is None:
                self._latest = self._answers.read(self._read_jobs(reader))
        live = find_live_note(self.run, now, is_done=state.outcome == "complete")
        return self._describe(now, state, live, self._latest)

    def _is_other(self, reader: LedgerReader) -> bool:
        """Return whether the ledger is another one than was followed, or an older copy of it."""
        followed, self._identity = self._identity, reader.identity()
        return followed not in ("", self._identity) or reader.last_seq() < self._seq

    def list_spending(self) -> tuple[SpendingPoint, ...]:
        """Return what was spent over time, up to the last look."""
        return self._curve.list_points()

    def _follow(self, reader: LedgerReader) -> None:
        for change in reader.changes_since(self._seq):
            self._seq = change.seq
            self._add(change)
            if change.kind == "batch":
                self._follow_chunk(ChunkNote.from_text(change.note), change.at)
            if change.kind == "approve":
                self._cap = reader.cap()
            self._plans += change.kind == "plan"

    def _follow_chunk(self, note: ChunkNote, at: str) -> None:
        known = self._chunks.pop(note.chunk, None)
        if note.is_open:
            self._chunks[note.chunk] = note
        elif known is not None and note.settled and note.asked_at:
            took = datetime.fromisoformat(at) - datetime.fromisoformat(note.asked_at)
            self._timed.append((note.model, took.total_seconds()))

    def _add(self, change: Change) -> None:
        self._curve.add(change)
        if not change.attempt:
            return
        self._strata.add(change)
        self._calls.add(change)
        if change.held:
            held = self._held.pop(change.attempt, 0) + change.held
            if held:
                self._held[change.attempt] = held
        if change.kind in ("settle", "import") and change.stage == SUBJECT:
            with suppress(ValueError):
                self._jobs.remove(change.job)  # a further turn
            self._jobs.append(change.job)
        if change.job in self._jobs:
            self._latest = None

    def _read_jobs(self, reader: LedgerReader) -> Iterator[list[AttemptRecord]]:
        """Return the attempts of the latest jobs, the newest first."""
        jobs = list(reversed(self._jobs))
        if self._plans <= 1:
            return reader.jobs_of(jobs)
        return (job.current for job in RunRecords(self.run, reader).read_jobs(jobs))

    def _describe_state(self, reader: LedgerReader, *, is_busy: bool) -> RunState:
        if self._plans > 1 and not RunRecords(self.run, reader).counts_all:
            return read_status(self.run)
        outcome, end = judge_outcome(reader, is_running=is_busy)
        self._plan_file = self._plan_file or reader.plan_file()
        has_open = outcome == "partial" and (not end.how or bool(self._chunks))
        return RunState(
            self.run,
            outcome,
            end.how,
            end.reason,
            self._curve.balance(self._cap),
            len(self._held),
            Money(sum(self._held.values())),
            self._match_strata(is_busy=is_busy, has_crashed=has_open),
            Path(self._plan_file) if self._plan_file else None,
            tuple(self._chunks.values()),
        )

    def _match_strata(
        self, *, is_busy: bool, has_crashed: bool
    ) -> tuple[tuple[Stratum, StratumActual], ...]:
        planned = self.run.plan.strata
        return tuple(self._strata.match(planned, is_running=is_busy, has_crashed=has_crashed))

    def _describe(
        self, now: datetime, state: RunState, live: LiveNote, latest: tuple[LatestAnswer, ...]
    ) -> RunSnapshot:
        if state.outcome != "running":
            live = replace(live, workers={})  # of an execution that has ended
        wishes = Wishes()
        with suppress(LedgerError), open_notes(self.run.ledger_location) as notes:
            wishes = read_wishes(notes)
        names = {written: str(model.name) for written, model in self.run.plan.models.items()}
        waits = [wait for worker in live.workers.values() for wait in worker.waits]
        calls = self._calls.describe(names, list(dict.fromkeys(waits)), now)
        is_sending = state.outcome == "running" and not wishes.is_paused
        return RunSnapshot(
            at=now,
            seq=self._seq,
            digest=self._digest,
            state=state,
            live=live,
            wishes=wishes,
            calls=calls,
            began=self._curve.began,
            latest=latest,
            end=_find_end(live) if is_sending else None,
            batches=list_away(self.run.plan, self._chunks.values(), self._timed, now),
            cached=self._calls.list_cached(),
        )


def _find_end(live: LiveNote) -> ExpectedEnd | None:
    """Return when the run will likely end, by the forecast of how long the rest takes."""
    if live.view is None or (left := live.view.time_left) is None:
        return None
    at = datetime.fromisoformat(live.view.at)
    low, likely, high = (at + timedelta(seconds=s) for s in (left.low, left.likely, left.high))
    return ExpectedEnd(low, likely, high)
