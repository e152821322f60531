"""Watching a run from outside: what its ledger and its workers say, followed as it grows.

Reading order: `run_follower` (all that is known of a run now), `strata_follower`, `call_tally`,
`spending_curve` (its parts, entry by entry), `run_list` (the runs in a folder, and those that are
known on this machine), `plan_differences` (what differs between two).
Nothing here writes to a run folder.
"""

from runner.watching.call_tally import ModelCalls
from runner.watching.plan_differences import (
    PlanDifference,
    have_same_queries,
    list_differences,
)
from runner.watching.run_follower import ExpectedEnd, RunFollower, RunSnapshot
from runner.watching.run_list import ListedRun, RunList, list_finished_runs
from runner.watching.spending_curve import SpendingPoint

__all__ = [
    "ExpectedEnd",
    "ListedRun",
    "ModelCalls",
    "PlanDifference",
    "RunFollower",
    "RunList",
    "RunSnapshot",
    "SpendingPoint",
    "have_same_queries",
    "list_differences",
    "list_finished_runs",
]
