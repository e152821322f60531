"""What a failed test has left running ends with it, also what it had suspended."""

from __future__ import annotations

import os
import signal
import time

from tests.support.forks import FORKS, end_forks


def test_what_is_left_is_ended_suspended_or_not():
    left = [FORKS.Process(target=time.sleep, args=(600,), daemon=True) for _ in range(2)]
    for process in left:
        process.start()
    os.kill(left[0].pid, signal.SIGSTOP)
    end_forks()
    assert [process.exitcode for process in left] == [-signal.SIGKILL] * 2
