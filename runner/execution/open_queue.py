"""Opening the job queue of a ledger; the only module that knows both queues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from experiment.prompts import RequestBuilder
from runner.execution.job_queue import JobQueue, LocalJobQueue
from runner.execution.shared_job_queue import join_workers
from runner.ledger import FileLocation, Ledger, Location


@contextmanager
def open_job_queue(
    location: Location, ledger: Ledger, requests: RequestBuilder, seed: str, lease_seconds: float
) -> Iterator[JobQueue]:
    """Open the queue of a plan's jobs: all of them, or what this process takes of a shared queue.

    Work that a crash left open is recovered first.

    Args:
        location: of the ledger.
        ledger: open for writing.
        requests: builds the jobs.
        seed: of the order of work.
        lease_seconds: seconds without a report, after which others that share the ledger take this
            process for dead.

    Raises:
        LedgerError: the database of a shared ledger cannot be reached.
    """
    if isinstance(location, FileLocation):
        ledger.recover_work()
        yield LocalJobQueue(requests, seed)
        return
    with join_workers(location, ledger, requests, seed, lease_seconds) as queue:
        yield queue
