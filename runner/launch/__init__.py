"""Starting a run: what is checked first, and one worker at its work."""

from runner.launch.dry_run import DryRun, prepare_dry_run
from runner.launch.earlier_spending import (
    EarlierSpending,
    approve_plan,
    find_earlier_spending,
    find_run_dir,
    find_study_place,
)
from runner.launch.live_notes import KeptWarning, LiveNote, find_live_note
from runner.launch.live_tasks import LiveReporter, obey_wishes
from runner.launch.newest_cap import WaitingApproval, find_newest_cap, find_waiting_approval
from runner.launch.open_cost import find_open_cost
from runner.launch.preflight import check_endpoints
from runner.launch.run_options import ApprovalEnd, Control, OpenWork, RunOptions
from runner.launch.run_plan import execute_plan
from runner.launch.signals import call_at_signals
from runner.launch.study_progress import StudyProgress, find_study_progress
from runner.launch.worker import run_worker

__all__ = [
    "ApprovalEnd",
    "Control",
    "DryRun",
    "EarlierSpending",
    "KeptWarning",
    "LiveNote",
    "LiveReporter",
    "OpenWork",
    "RunOptions",
    "StudyProgress",
    "WaitingApproval",
    "approve_plan",
    "call_at_signals",
    "check_endpoints",
    "execute_plan",
    "find_earlier_spending",
    "find_live_note",
    "find_newest_cap",
    "find_open_cost",
    "find_run_dir",
    "find_study_place",
    "find_study_progress",
    "find_waiting_approval",
    "obey_wishes",
    "prepare_dry_run",
    "run_worker",
]
