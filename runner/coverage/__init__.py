"""How often forecasts held: what finished runs came to, and how many were inside their ranges.

Reading order: `finished_run` (a run's forecast beside what it came to), `kept_runs` (where they are
kept, so that deleted runs still count), `run_outcome` (what a run folder says), `coverage` (how
often the ranges held).
"""

from runner.coverage.coverage import Coverage, CoverageSummary, sum_up_runs
from runner.coverage.finished_run import FinishedRun, StratumOutcome
from runner.coverage.kept_runs import keep_run, kept_runs_path, read_kept_runs
from runner.coverage.run_outcome import find_finished_runs, keep_finished_run, read_finished_run

__all__ = [
    "Coverage",
    "CoverageSummary",
    "FinishedRun",
    "StratumOutcome",
    "find_finished_runs",
    "keep_finished_run",
    "keep_run",
    "kept_runs_path",
    "read_finished_run",
    "read_kept_runs",
    "sum_up_runs",
]
