"""Working on a plan: the order of work, budget, retries, rate limits."""

from runner.execution.attempts import AttemptRunner
from runner.execution.breaker import Permit
from runner.execution.breakers import ModelWait
from runner.execution.budget import Budget
from runner.execution.progress import Progress, describe_shortage, describe_unsent
from runner.execution.queues import (
    LEASE_SECONDS,
    NO_CELLS,
    AttemptSource,
    BlockQueue,
    Cells,
    Course,
    EarlierAnswers,
    Job,
    JobQueue,
    SharedJobQueue,
    StopReason,
    find_done_places,
    join_workers,
    open_job_queue,
    read_histories,
)
from runner.execution.resume_state import ResumeState
from runner.execution.retry import RetryPolicy
from runner.execution.scheduler import RunScheduler
from runner.execution.slots import SlotPool
from runner.execution.slow_start import TRUSTED_PART_OF_CAP, SlowStart

__all__ = [
    "LEASE_SECONDS",
    "NO_CELLS",
    "TRUSTED_PART_OF_CAP",
    "AttemptRunner",
    "AttemptSource",
    "BlockQueue",
    "Budget",
    "Cells",
    "Course",
    "EarlierAnswers",
    "Job",
    "JobQueue",
    "ModelWait",
    "Permit",
    "Progress",
    "ResumeState",
    "RetryPolicy",
    "RunScheduler",
    "SharedJobQueue",
    "SlotPool",
    "SlowStart",
    "StopReason",
    "describe_shortage",
    "describe_unsent",
    "find_done_places",
    "join_workers",
    "open_job_queue",
    "read_histories",
]
