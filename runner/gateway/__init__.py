"""The gateway: a local door through which any program's calls are counted, capped and settled."""

from runner.gateway.call_request import LABEL, STAGE
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
from runner.gateway.program import SHELLS, write_shell_lines
from runner.gateway.refused_calls import RefusedCall, RefusedCalls
from runner.gateway.spending import CallTally, PartCap
from runner.gateway.tools import TOOLS, find_tool

__all__ = [
    "LABEL",
    "SHELLS",
    "STAGE",
    "TOOLS",
    "CallTally",
    "ConnectionTally",
    "GuardFolder",
    "GuardOptions",
    "GuardReport",
    "GuardedRun",
    "PartCap",
    "RefusedCall",
    "RefusedCalls",
    "build_guard_report",
    "choose_guard_folder",
    "find_tool",
    "is_guard_folder",
    "open_guard_folder",
    "read_calls",
    "run_guarded",
    "write_shell_lines",
]
