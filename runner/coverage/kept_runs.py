"""Kept runs: a file in the state directory with a line for each finished run.

It is only added to, by one process at a time, so that processes that finish together lose nothing,
and runs whose folders were deleted still count. The same run may have several lines; the last one
counts.
"""

from __future__ import annotations

import json
from pathlib import Path

from estimator.user_dirs import state_folder
from runner.coverage.finished_run import FINISHED_RUN_SCHEMA, FinishedRun
from runner.errors import BadKeptRuns
from runner.state import append_line, open_lines

_MOST_BYTES = 256 << 20  # some hundred thousand runs
_BEGIN = json.dumps({"schema": FINISHED_RUN_SCHEMA})[:-1]  # of each line


def kept_runs_path() -> Path:
    """Return where finished runs are kept."""
    return state_folder() / "finished-runs.jsonl"


def keep_run(run: FinishedRun) -> None:
    """Keep a finished run.

    Raises:
        OSError: it could not be written; nothing of it remains.
    """
    append_line(kept_runs_path(), run.to_line(), private_folder=True)


def read_kept_runs() -> list[FinishedRun]:
    """Read the finished runs that are kept, each once, in the order in which they finished.

    Raises:
        BadKeptRuns: the file is not one that afcost wrote, or belongs to another user.
    """
    path = kept_runs_path()
    try:
        if path.lstat().st_size > _MOST_BYTES:
            raise BadKeptRuns(f"{path} is larger than {_MOST_BYTES >> 20} MiB; {_NEXT_STEP}")
        with open_lines(path) as (lines, _):
            runs = [_read_line(path, number, line) for number, line in enumerate(lines, 1)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BadKeptRuns(f"cannot read {path}: {error}; {_NEXT_STEP}") from error
    return list({run.key: run for run in runs if run is not None}.values())


_NEXT_STEP = "move it away, and runs are counted from the run folders that still exist"


def _read_line(path: Path, number: int, line: str) -> FinishedRun | None:
    """Read a line; None for one that a crash cut off.

    Raises:
        BadKeptRuns: it is something else.
    """
    try:
        return FinishedRun.from_line(line)
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError) and _is_beginning(line):
            return None
        raise BadKeptRuns(f"{path}, line {number}: {error}; {_NEXT_STEP}") from error


def _is_beginning(line: str) -> bool:
    return line.startswith(_BEGIN) or _BEGIN.startswith(line)
