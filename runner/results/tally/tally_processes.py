"""Tally processes: they read jobs of a ledger beside this one, and return their sums.

They are spoken to through pipes, in pickles that both ends make
themselves. The modules of `multiprocessing` would run the program's main module again in each.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from runner.ledger import JobSpan, Location
from runner.results.tally.run_tally import TallyPart

# `-P`: a folder of the user's is not looked into, unless this process did so.
_START = """
import pickle, sys
sys.path[:] = pickle.load(sys.stdin.buffer)
from runner.results.tally.process_main import serve
serve()
"""
_WAITING = 2  # lists of jobs for each process, so that none waits for this one
_PATIENCE = 5.0  # seconds for a process to end whose pipe is closed

Process = subprocess.Popen[bytes]


class ProcessesLost(Exception):
    """The processes could not be started, or did not do what they were asked."""


class TallyTask(NamedTuple):
    """What all processes are told first.

    Attributes:
        folder: of the run.
        location: of its ledger.
        plan: the digest of its plan.
        newest: entry of the ledger, its number and its hash; one who finds another reads something
            else.
        has_crashed: whether the last execution ended unexpectedly.
    """

    folder: Path
    location: Location
    plan: str
    newest: tuple[int, str]
    has_crashed: bool


class TallyProcesses:
    """Processes that wait to be asked. Make them with `start_processes`.

    Args:
        processes: that were told the task.
        threads: one for each, which waits for what it says.
    """

    def __init__(self, processes: Sequence[Process], threads: ThreadPoolExecutor) -> None:
        self._most_asked = _WAITING * len(processes)
        self._threads = threads
        self._free: SimpleQueue[Process] = SimpleQueue()
        for each in processes:
            self._free.put(each)

    def ask(self, jobs: Iterable[list[JobSpan]]) -> Iterator[tuple[list[JobSpan], TallyPart]]:
        """Yield some jobs at a time with what they come to, in their order.

        Raises:
            ProcessesLost: a process ended.
        """
        asked: deque[tuple[list[JobSpan], Future[TallyPart]]] = deque()
        for some in jobs:
            asked.append((some, self._threads.submit(self._ask_one, some)))
            if len(asked) > self._most_asked:
                first, found = asked.popleft()
                yield first, found.result()
        for first, found in asked:
            yield first, found.result()

    def _ask_one(self, spans: list[JobSpan]) -> TallyPart:
        process = self._free.get()
        try:
            _send(process, spans)
            found: TallyPart = pickle.load(process.stdout)  # type: ignore[arg-type]  # noqa: S301
        except (OSError, EOFError, pickle.UnpicklingError, ValueError) as error:
            raise ProcessesLost from error
        finally:
            self._free.put(process)
        return found


@contextmanager
def start_processes(task: TallyTask, number: int) -> Iterator[TallyProcesses]:
    """Start some processes for a task.

    Raises:
        ProcessesLost: they cannot be started.
    """
    with ExitStack() as stack:
        processes: list[Process] = []
        if not sys.executable:  # an interpreter within another program
            raise ProcessesLost
        try:
            for _ in range(number):
                processes.append(_start_process())
                stack.callback(_end_process, processes[-1])
            for each in processes:
                _send(each, sys.path)
                _send(each, task)
        except (OSError, pickle.PicklingError) as error:
            raise ProcessesLost from error
        yield TallyProcesses(processes, stack.enter_context(ThreadPoolExecutor(number)))


def _start_process() -> Process:
    return subprocess.Popen(  # noqa: S603 - this Python, and our own text
        [sys.executable, "-P", "-c", _START],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _send(process: Process, what: object) -> None:
    if process.stdin is not None:
        pickle.dump(what, process.stdin, pickle.HIGHEST_PROTOCOL)
        process.stdin.flush()


def _end_process(process: Process) -> None:
    """End a process: once its pipes are closed, it ends by itself."""
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            if pipe is not None:
                pipe.close()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
