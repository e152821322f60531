"""The gateway: a local door through which any program's calls are counted, capped and settled."""

from runner.gateway.approved_program import (
    ApprovedProgram,
    approve_program,
    check_program_plan,
    find_newest_program_cap,
    refuse_changed_prices,
)
from runner.gateway.call_costs import CallCosts
from runner.gateway.gate import LABEL, LABEL_HEADER, CallTally
from runner.gateway.guard_folder import (
    GuardFolder,
    choose_guard_folder,
    is_guard_folder,
    open_guard_folder,
)
from runner.gateway.guard_report import GuardReport, build_guard_report
from runner.gateway.guarded_calls import read_calls
from runner.gateway.guarded_run import GuardedRun, GuardOptions, run_guarded
from runner.gateway.models import PricedModels
from runner.gateway.part_caps import PartCap
from runner.gateway.program import SHELLS, write_shell_lines
from runner.gateway.sums import PlannedCalls

__all__ = [
    "LABEL",
    "LABEL_HEADER",
    "SHELLS",
    "ApprovedProgram",
    "CallCosts",
    "CallTally",
    "GuardFolder",
    "GuardOptions",
    "GuardReport",
    "GuardedRun",
    "PartCap",
    "PlannedCalls",
    "PricedModels",
    "approve_program",
    "build_guard_report",
    "check_program_plan",
    "choose_guard_folder",
    "find_newest_program_cap",
    "is_guard_folder",
    "open_guard_folder",
    "read_calls",
    "refuse_changed_prices",
    "run_guarded",
    "write_shell_lines",
]
