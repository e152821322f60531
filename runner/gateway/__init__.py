"""The gateway: a local door through which any program's calls are counted, capped and settled."""

from runner.gateway.approved_program import (
    ApprovedProgram,
    approve_program,
    check_prices,
    check_program_plan,
    find_newest_program_cap,
)
from runner.gateway.call_request import LABEL, LABEL_HEADER
from runner.gateway.guard_folder import (
    GuardFolder,
    choose_guard_folder,
    is_guard_folder,
    open_guard_folder,
)
from runner.gateway.guard_report import GuardReport, build_guard_report
from runner.gateway.guarded_calls import read_calls
from runner.gateway.guarded_run import GuardedRun, GuardOptions, run_guarded
from runner.gateway.intercept import ConnectionTally
from runner.gateway.models import PricedModels
from runner.gateway.program import (
    GUARD_VARIABLE,
    SHELLS,
    list_own_addresses,
    list_ways_around,
    write_shell_lines,
)
from runner.gateway.refused_calls import RefusedCall, RefusedCalls
from runner.gateway.spending import CallCosts, CallTally, PartCap
from runner.gateway.sums import PlannedCalls
from runner.gateway.tools import TOOLS, find_tool

__all__ = [
    "GUARD_VARIABLE",
    "LABEL",
    "LABEL_HEADER",
    "SHELLS",
    "TOOLS",
    "ApprovedProgram",
    "CallCosts",
    "CallTally",
    "ConnectionTally",
    "GuardFolder",
    "GuardOptions",
    "GuardReport",
    "GuardedRun",
    "PartCap",
    "PlannedCalls",
    "PricedModels",
    "RefusedCall",
    "RefusedCalls",
    "approve_program",
    "build_guard_report",
    "check_prices",
    "check_program_plan",
    "choose_guard_folder",
    "find_newest_program_cap",
    "find_tool",
    "is_guard_folder",
    "list_own_addresses",
    "list_ways_around",
    "open_guard_folder",
    "read_calls",
    "run_guarded",
    "write_shell_lines",
]
