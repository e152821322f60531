"""Starting a run: what is checked first, and one worker at its work.

What sends needs aiohttp, and what forecasts numpy, so each name is imported when it is first asked
for: approving a plan and showing a run start without them.
"""

from typing import TYPE_CHECKING

from experiment.lazy_names import import_on_demand

if TYPE_CHECKING:
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
    from runner.launch.preflight import check_endpoints, check_plan
    from runner.launch.run_options import ApprovalEnd, Control, OpenWork, RunOptions
    from runner.launch.run_plan import execute_plan
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
    "check_endpoints",
    "check_plan",
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

__getattr__ = import_on_demand(
    __name__,
    {
        "ApprovalEnd": "run_options",
        "Control": "run_options",
        "DryRun": "dry_run",
        "EarlierSpending": "earlier_spending",
        "KeptWarning": "live_notes",
        "LiveNote": "live_notes",
        "LiveReporter": "live_tasks",
        "OpenWork": "run_options",
        "RunOptions": "run_options",
        "StudyProgress": "study_progress",
        "WaitingApproval": "newest_cap",
        "approve_plan": "earlier_spending",
        "check_endpoints": "preflight",
        "check_plan": "preflight",
        "execute_plan": "run_plan",
        "find_earlier_spending": "earlier_spending",
        "find_live_note": "live_notes",
        "find_newest_cap": "newest_cap",
        "find_open_cost": "open_cost",
        "find_run_dir": "earlier_spending",
        "find_study_place": "earlier_spending",
        "find_study_progress": "study_progress",
        "find_waiting_approval": "newest_cap",
        "obey_wishes": "live_tasks",
        "prepare_dry_run": "dry_run",
        "run_worker": "worker",
    },
)
