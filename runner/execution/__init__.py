"""Working on a plan: the order of work, budget, retries, rate limits."""

from runner.execution.budget import Budget
from runner.execution.job_queue import LEASE_SECONDS, JobQueue, LocalJobQueue
from runner.execution.retry import RetryPolicy
from runner.execution.scheduler import Progress, RunScheduler, StopReason
from runner.execution.shared_job_queue import join_workers

__all__ = [
    "LEASE_SECONDS",
    "Budget",
    "JobQueue",
    "LocalJobQueue",
    "Progress",
    "RetryPolicy",
    "RunScheduler",
    "StopReason",
    "join_workers",
]
