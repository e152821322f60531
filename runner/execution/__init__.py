"""Working on a plan: the order of work, budget, retries, rate limits."""

from runner.execution.budget import Budget
from runner.execution.job_queue import (
    LEASE_SECONDS,
    NO_CELLS,
    Cells,
    Job,
    JobOutcome,
    JobQueue,
    LocalJobQueue,
)
from runner.execution.progress import Progress, StopReason
from runner.execution.resume_state import ResumeState
from runner.execution.retry import RetryPolicy
from runner.execution.scheduler import RunScheduler
from runner.execution.shared_job_queue import open_job_queue

__all__ = [
    "LEASE_SECONDS",
    "NO_CELLS",
    "Budget",
    "Cells",
    "Job",
    "JobOutcome",
    "JobQueue",
    "LocalJobQueue",
    "Progress",
    "ResumeState",
    "RetryPolicy",
    "RunScheduler",
    "StopReason",
    "open_job_queue",
]
