"""Runs in processes of their own that can be killed, started in a few milliseconds.

    with launcher() as launch:
        pid = launch.start(Job(plan="plan.json", folder="run", concurrency=10))
        os.kill(pid, signal.SIGKILL)
        launch.ended(within=10).end  # "killed"

One process imports what a run needs, loads the vocabulary and afcost's own tables, and then forks
for each run: all of that is paid once. What is forked calls `execute_plan`, as `afcost run` does.

    python -m tests.faults.launcher      # reads jobs from its standard input, a line each
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO

from estimator.counting.model_families import find_family_tokenizer
from runner.execution.retry import RetryPolicy
from runner.launch.run_options import RunOptions
from runner.launch.run_plan import execute_plan
from tests.runner.sample_experiment import NOW
from tests.support.own_tables import read_own_tables

ROOT = Path(__file__).parents[2]
LONGEST = 120  # seconds, after which a run that nobody watches any more ends itself
PATIENCE = RetryPolicy(base_delay=0.004, max_delay=0.06, give_up_after=3.6)


@dataclass(frozen=True)
class Job:
    """A run to start; paths as text, seconds.

    Attributes:
        scale: how long a second is, to a run that waits; 0 for `PATIENCE`.
        longest: instead of `LONGEST`.
    """

    plan: str
    folder: str
    home: str
    concurrency: int
    timeout: float
    ledger: str | None = None
    scale: float = 0.0
    longest: float = LONGEST


@dataclass(frozen=True)
class Ended:
    """How a run ended: a `StopReason`, "killed", or the name of an error."""

    end: str
    reason: str = ""


class Launcher:
    """The side of whoever wants runs."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._jobs: IO[bytes] = process.stdin
        self._told: IO[bytes] = process.stdout

    def start(self, job: Job) -> int:
        """Start a run and give its process id."""
        self._jobs.write(json.dumps(asdict(job)).encode() + b"\n")
        pid: int = json.loads(self._told.readline())
        return pid

    def ended(self, within: float) -> Ended | None:
        """Wait so many seconds for the run to end; None where it goes on."""
        if not select.select([self._told], [], [], within)[0]:
            return None
        ended = json.loads(self._told.readline())
        if isinstance(ended, dict):
            self._told.readline()  # its process has ended as well
            return Ended(**ended)
        return Ended("killed" if ended == -signal.SIGKILL else f"exit code {ended}")


@contextlib.contextmanager
def launcher() -> Iterator[Launcher]:
    """Start the process that starts runs."""
    command = [sys.executable, "-m", "tests.faults.launcher"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, bufsize=0) as process:
        try:
            yield Launcher(process)
        finally:
            process.kill()


def main() -> None:
    """Fork for each job, tell its process id, and then how it ended."""
    find_family_tokenizer("llama-3.1-8b").count_text("warm")
    read_own_tables(NOW.date())
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _tell(os.getpid())  # here, so that it always comes before how the run ended
            _run(Job(**json.loads(line)))
        _tell(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _run(job: Job) -> None:
    """Run, tell how it ended, and leave without going back to the loop that forked."""
    signal.alarm(int(job.longest))
    os.environ["AFCOST_HOME"] = job.home
    try:
        options = RunOptions(
            folder=Path(job.folder),
            ledger_url=job.ledger,
            concurrency=job.concurrency,
            timeout=job.timeout,
            retry_policy=_scale(job.scale) if job.scale else PATIENCE,
        )
        _, progress = execute_plan(Path(job.plan), NOW, options)
        ended = Ended(str(progress.end), progress.reason)
    except BaseException as error:  # noqa: BLE001 - whatever it was, the test wants to know it
        ended = Ended(type(error).__name__, str(error))
    _tell(asdict(ended))
    os._exit(0)


def _scale(second: float) -> RetryPolicy:
    """Return the usual policy, where a second is as long as that."""
    usual = RetryPolicy()
    return replace(usual, base_delay=usual.base_delay * second, max_delay=usual.max_delay * second)


def _tell(what: object) -> None:
    with contextlib.suppress(BrokenPipeError):  # the other side may have left
        # In one piece, because the process that forks tells its exit code on the same pipe.
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
