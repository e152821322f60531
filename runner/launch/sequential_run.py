"""A run with a sequential test: its queue, its looks at stored answers, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from experiment.analysis import Observation
from experiment.analysis.sequential import SequentialDesign, take_looks
from experiment.definition import Experiment
from experiment.prompts import RequestBuilder
from runner.errors import CannotSend
from runner.execution import JobQueue, Progress, StopReason
from runner.ledger import Ledger, LedgerReader, Location, PostgresLocation, read_ledger
from runner.results import ObservationReader, RunRecords
from runner.run_folder import RunFolder
from runner.sequential import BlockQueue, RecordedLooks, read_looks, record_looks

_OVERRIDDEN = (StopReason.COMPLETE, StopReason.FAILED, StopReason.CAP)


def refuse_shared_test(location: Location, experiment: Experiment) -> None:
    """Refuse a sequential test on a ledger that several processes share.

    Raises:
        CannotSend: it is asked for.
    """
    if experiment.spec.sequential and isinstance(location, PostgresLocation):
        raise CannotSend(
            "sequential: a look waits until everything that was sent is answered, and one process "
            "does not know that of the others that share a PostgreSQL ledger; nothing was sent. "
            "Run it with a ledger of its own (without --ledger), or leave `sequential` out of the "
            "experiment file and plan again"
        )


def choose_queue(
    queue: JobQueue, run: RunFolder, ledger: Ledger, requests: RequestBuilder, seed: str
) -> JobQueue:
    """Return the queue of a run: in blocks, where its experiment asks for a sequential test.

    Args:
        queue: of all its jobs.
        run: its folder.
        ledger: open for writing.
        requests: builds the jobs.
        seed: of the order of work.
    """
    recorded = find_looks(ledger, requests)
    if recorded is None:
        return queue
    return BlockQueue(requests, seed, recorded, partial(_take_look, run, ledger, requests, seed))


def find_looks(reader: Ledger | LedgerReader, requests: RequestBuilder) -> RecordedLooks | None:
    """Return the looks of an experiment's sequential test so far; None where it has none."""
    experiment = requests.experiment
    design = SequentialDesign.of_experiment(experiment.spec, len(experiment.queries))
    return read_looks(reader, design, experiment.spec.models) if design else None


def decide_end(queue: JobQueue, progress: Progress) -> None:
    """Say so where a run ended because gaps were shown before the last look.

    A test that goes on may lack answers that failed, and a cap that was reached: they stay the end.
    """
    if not isinstance(queue, BlockQueue) or not queue.recorded.stopped_early:
        return
    ends = _OVERRIDDEN if not queue.recorded.open_models else (StopReason.COMPLETE,)
    if progress.end in ends:
        progress.end = StopReason.SHOWN
        progress.reason = "\n".join(queue.recorded.describe_stops())


def _take_look(
    run: RunFolder, ledger: Ledger, requests: RequestBuilder, seed: str, recorded: RecordedLooks
) -> RecordedLooks:
    """Take the next look at what is stored, record it, and return all looks so far.

    Raises:
        LedgerError: it cannot be recorded.
    """
    design, number = recorded.design, recorded.done + 1
    seen = list(_read_observations(run, requests, seed, design.places[number - 1]))
    looks = take_looks(run.spec, seen, design, number, recorded.open_models)
    record_looks(ledger, design, looks)
    return read_looks(ledger, design, recorded.models)


def _read_observations(
    run: RunFolder, requests: RequestBuilder, seed: str, queries: int
) -> Iterator[Observation]:
    """Yield what was answered of the first queries in the order of work, and nothing else."""
    places = range(queries * len(requests.cells) * requests.experiment.spec.samples)
    jobs = [requests.request_at(seed, place).id for place in places]
    observer = ObservationReader(run)
    with read_ledger(run.ledger_location) as reader:
        for records in RunRecords(run, reader).read_jobs(jobs):
            if records.current and (found := observer.read(records.current, ())) is not None:
                yield found
