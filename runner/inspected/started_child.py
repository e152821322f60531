"""How the script that runs Inspect is started, and what it is told."""

from __future__ import annotations

import json
from pathlib import Path

from runner.inspected.arguments import InspectOptions

_CHILD = Path(__file__).with_name("inspect_child.py")


def name_child(asked: InspectOptions) -> tuple[str, ...]:
    """Return the command; the arguments are in it for those who list the processes."""
    return (asked.python, str(_CHILD), *asked.arguments)


def tell_child(
    asked: InspectOptions, log_dir: Path, ended: Path, *, rehearses: bool = False
) -> dict[str, str]:
    """Return the variables that the script reads.

    Args:
        asked: what Inspect is started with.
        log_dir: the folder of its logs.
        ended: the file that says what came of it.
        rehearses: whether its calls are answered with placeholders.
    """
    logs = log_dir.absolute()
    document = {
        "arguments": list(asked.arguments),
        "options": asked.list_eval_options(logs),
        "retry_options": asked.list_retry_options(logs),
        "log_dir": str(logs),
        "ended": str(ended.absolute()),
        "allow_sandbox": asked.allow_sandbox,
        "rehearses": rehearses,
    }
    return {"AFCOST_INSPECT": json.dumps(document)}
