"""What a tally process does: it adds up the jobs that it is asked about."""

from __future__ import annotations

import gc
import pickle
import signal
import sys
from dataclasses import replace
from typing import BinaryIO

from runner.ledger import read_ledger
from runner.results.tally.run_records import JobRecords
from runner.results.tally.run_tally import RunTally
from runner.results.tally.tally_processes import TallyTask
from runner.run_folder import open_run_folder


def serve() -> None:
    """Answer what is asked on the standard input, until that is closed.

    One who finds another plan or another ledger than the task names says nothing.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks closes the pipe then
    gc.disable()  # records are many, and in no circles
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    task: TallyTask = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that began this
    try:
        _do_task(task, answers)
    except (EOFError, OSError):
        return


def _do_task(task: TallyTask, answers: BinaryIO) -> None:
    run_folder = replace(open_run_folder(task.folder), location=task.location)
    if run_folder.plan.digest != task.plan:
        return
    with read_ledger(task.location, was_checked=True) as reader:
        if reader.last_entry() != task.newest:
            return
        tally = RunTally(run_folder, is_running=False, has_crashed=task.has_crashed)
        while True:
            for attempts in reader.jobs_in(pickle.load(sys.stdin.buffer)):  # noqa: S301
                tally.add(JobRecords(attempts, []))
            pickle.dump(tally.take_part(), answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()
