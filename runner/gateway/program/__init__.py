"""A program under the cap: how it is started, so that its clients come to the door.

Reading order: `variables` (what clients read, as data), `environment` (what the program gets),
`shell_lines` (the same for another shell), `left_running` (what it leaves behind), `family` (ending
all that it started), `child`.
"""

from runner.gateway.program.child import ProgramEnd, run_program
from runner.gateway.program.environment import (
    DUMMY_KEY,
    GUARD_VARIABLE,
    find_keys,
    find_written_keys,
    guarded_environment,
    list_own_addresses,
    list_ways_around,
)
from runner.gateway.program.family import end_family
from runner.gateway.program.left_running import RunningProcess
from runner.gateway.program.shell_lines import SHELLS, write_shell_lines

__all__ = [
    "DUMMY_KEY",
    "GUARD_VARIABLE",
    "SHELLS",
    "ProgramEnd",
    "RunningProcess",
    "end_family",
    "find_keys",
    "find_written_keys",
    "guarded_environment",
    "list_own_addresses",
    "list_ways_around",
    "run_program",
    "write_shell_lines",
]
