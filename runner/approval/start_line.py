"""The command line that goes on with an approved plan."""

from __future__ import annotations

import shlex
from pathlib import Path

from estimator.recorded import is_program_plan


def name_start(plan_path: Path, options: str) -> str:
    """Return the command line that goes on with a plan, to be copied.

    Args:
        plan_path: its file.
        options: such as `--run-dir runs/lab`.
    """
    plan = shlex.quote(str(plan_path))
    if is_program_plan(plan_path):
        return f"afcost guard {plan} {options} -- COMMAND"
    return f"afcost run {plan} {options}"
