"""Reading a log of Inspect: `.json` as it is, `.eval` by the Inspect of some Python.

An `.eval` log is an archive in a compression that Python 3.11 cannot read. The fields are those of
EvalLog, EvalSample and ModelEvent of inspect_ai 0.3.285.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from experiment.errors import RefusedFile
from experiment.file_access import read_user_file
from runner.errors import BadImport

_MAX_BYTES = 1 << 30
_ZIP = b"PK\x03\x04"


def read_inspect_log(path: Path, python: str) -> dict[str, Any]:
    """Read a log.

    Args:
        path: of the log.
        python: the interpreter that has inspect_ai, for an `.eval` log.

    Raises:
        BadImport: it cannot be read, or is none.
    """
    try:
        data = read_user_file(path, _MAX_BYTES)
    except (OSError, RefusedFile) as error:
        raise BadImport(f"cannot read {path}: {getattr(error, 'strerror', '') or error}") from error
    text = _dump(path, python) if data.startswith(_ZIP) else data
    try:
        log = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadImport(f"{path} is no JSON: {error}") from error
    if not isinstance(log, dict) or not isinstance(log.get("eval"), dict) or "status" not in log:
        raise BadImport(f"{path} is no log of Inspect: it has no `eval` and `status`")
    if not isinstance(log.get("samples"), list) or not log["samples"]:
        raise BadImport(f"{path}: this log holds no samples; give the full log")
    return log


def _dump(path: Path, python: str) -> bytes:
    """Return an `.eval` log as JSON."""
    command = [python, "-m", "inspect_ai", "log", "dump", str(path.resolve())]
    try:
        done = subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - the user's
    except OSError as error:
        raise BadImport(f"--python {python}: {error.strerror}") from error
    if done.returncode:
        last = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"])[
            -1
        ]
        raise BadImport(
            f"{path} needs inspect_ai to be read ({last}): pip install 'afcost[inspect]', name the "
            "environment that has it with --python, or write it as JSON there: inspect log convert "
            "--to json"
        )
    return done.stdout
