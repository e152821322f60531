"""A run with a sequential test: its course, its looks at stored answers, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from experiment.analysis import Observation
from experiment.analysis.sequential import take_looks
from runner.execution import Course, Progress, StopReason
from runner.launch.run_options import OpenWork
from runner.ledger import read_ledger
from runner.results import ObservationReader, RunRecords
from runner.sequential import (
    RecordedLooks,
    SequentialCourse,
    find_looks,
    read_looks,
    record_looks,
)

_OVERRIDDEN = (StopReason.COMPLETE, StopReason.FAILED, StopReason.CAP)


def set_sequential_course(work: OpenWork) -> SequentialCourse | None:
    """Return the course of a run's sequential test; None where its experiment asks for none."""
    recorded = find_looks(work.ledger, work.run.spec, len(work.requests.experiment.queries))
    if recorded is None:
        return None
    return SequentialCourse(work.requests, recorded, partial(_take_look, work))


def decide_end(course: Course | None, progress: Progress) -> None:
    """Say so where a run ended because gaps were shown before the last look.

    A test that goes on may lack answers that failed, and a cap that was reached: they stay the end.
    """
    if not isinstance(course, SequentialCourse) or not course.recorded.stopped_early:
        return
    ends = _OVERRIDDEN if not course.recorded.open_models else (StopReason.COMPLETE,)
    if progress.end in ends:
        progress.end, progress.reason = course.describe_end()


def _take_look(work: OpenWork, recorded: RecordedLooks) -> RecordedLooks:
    """Take the next look at what is stored, record it, and return all looks so far.

    Raises:
        LedgerError: it cannot be recorded.
    """
    design, number = recorded.design, recorded.done + 1
    seen = list(_read_observations(work, design.places[number - 1]))
    looks = take_looks(work.run.spec, seen, design, number, recorded.open_models)
    record_looks(work.ledger, design, looks)
    return read_looks(work.ledger, design, recorded.models)


def _read_observations(work: OpenWork, queries: int) -> Iterator[Observation]:
    """Yield what was answered of the first queries in the order of work, and nothing else."""
    requests = work.requests
    places = range(queries * len(requests.cells) * requests.experiment.spec.samples)
    jobs = [requests.request_at(work.seed, place).id for place in places]
    observer = ObservationReader(work.run)
    with read_ledger(work.run.ledger_location) as reader:
        for records in RunRecords(work.run, reader).read_jobs(jobs):
            if records.current and (found := observer.read(records.current, ())) is not None:
                yield found
