"""Queues of jobs: all of a plan, what workers share of it, or block by block."""

from runner.execution.queues.block_queue import BlockQueue, Course
from runner.execution.queues.done_jobs import find_done_places
from runner.execution.queues.earlier_answers import (
    AttemptSource,
    EarlierAnswers,
    read_histories,
)
from runner.execution.queues.job_queue import (
    LEASE_SECONDS,
    NO_CELLS,
    Cells,
    Job,
    JobOutcome,
    JobQueue,
    LocalJobQueue,
)
from runner.execution.queues.shared_job_queue import (
    SharedJobQueue,
    join_workers,
    open_job_queue,
)
from runner.execution.queues.stop_reason import StopReason

__all__ = [
    "LEASE_SECONDS",
    "NO_CELLS",
    "AttemptSource",
    "BlockQueue",
    "Cells",
    "Course",
    "EarlierAnswers",
    "Job",
    "JobOutcome",
    "JobQueue",
    "LocalJobQueue",
    "SharedJobQueue",
    "StopReason",
    "find_done_places",
    "join_workers",
    "open_job_queue",
    "read_histories",
]
