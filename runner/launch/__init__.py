"""Starting a run: what is checked first, and one worker at its work."""

from runner.launch.dry_run import DryRun, prepare_dry_run
from runner.launch.run_options import RunOptions
from runner.launch.run_plan import execute_plan

__all__ = [
    "DryRun",
    "RunOptions",
    "execute_plan",
    "prepare_dry_run",
]
