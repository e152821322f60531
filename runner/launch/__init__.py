"""Starting a run: what is checked first, and one worker at its work."""

from runner.launch.dry_run import DryRun, prepare_dry_run
from runner.launch.earlier_spending import (
    EarlierSpending,
    approve_plan,
    find_earlier_spending,
)
from runner.launch.run_options import RunOptions
from runner.launch.run_plan import execute_plan

__all__ = [
    "DryRun",
    "EarlierSpending",
    "RunOptions",
    "approve_plan",
    "execute_plan",
    "find_earlier_spending",
    "prepare_dry_run",
]
