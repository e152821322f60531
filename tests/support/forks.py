"""Processes of their own that start in a few milliseconds: one imports everything, and forks.

    with ForkedCommand(("run", "plan.json"), folder, environment) as command:
        command.send_signal(signal.SIGINT)
        _, said = command.communicate(timeout=60)
    command.returncode  # as a shell has it; negative where a signal ended it

What is forked calls `afcost.__main__.main`, as `afcost` itself does, with an environment, a folder
and outputs of its own. It cannot show what happens at Python's start and while afcost is imported:
tests of that start a process that was not forked.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import TracebackType
from typing import Self

FORKS = multiprocessing.get_context("forkserver")
# A process of tests has one forkserver, so all that is to be imported in it is named here.
FORKS.set_forkserver_preload(["tests.support.forked_imports", "tests.runner.workers"])
LONGEST = 120.0  # seconds, after which a command is taken to be stuck


class ForkedCommand:
    """A command that runs, to be used as a `subprocess.Popen` whose outputs are texts."""

    def __init__(
        self, arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._arguments = arguments
        self._said = tempfile.TemporaryDirectory(prefix="forked-")
        paths = tuple(str(Path(self._said.name, name)) for name in ("out", "err"))
        given = (arguments, str(folder), dict(environment), paths)
        self._process = FORKS.Process(target=_become, args=given, daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        """Return the number of its process."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Return its exit code; None while it runs."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return its exit code; None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: after so many seconds; it goes on.
        """
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._arguments, timeout or 0.0)
        return self.returncode

    def communicate(self, timeout: float = LONGEST) -> tuple[str, str]:
        """Wait for its end as `wait` does, and return, once, what it printed and what it said."""
        self.wait(timeout)
        out, err = (Path(self._said.name, name) for name in ("out", "err"))
        told, said = out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8")
        self._said.cleanup()
        return told, said

    def await_work(self, seconds: float) -> None:
        """Wait until it has worked for so many of the processor's seconds, or has ended.

        However busy the machine is, it is then about as far as it always is.
        """
        while self.returncode is None and _find_worked_seconds(self.pid) < seconds:
            time.sleep(0.002)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, as `kill -9` does."""
        self._process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for its end; a test that failed does not wait."""
        if kind is not None:
            self.kill()
        self.wait(LONGEST)
        self._said.cleanup()


def run_forked(
    arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a process of its own."""
    with ForkedCommand(arguments, folder, environment) as command:
        told, said = command.communicate()
    return subprocess.CompletedProcess(arguments, command.wait(), told, said)


def end_forks() -> None:
    """Kill what a test that failed has left, suspended or not.

    It would go on at the provider that the next test has too, and be on that one's bill.
    """
    for process in multiprocessing.active_children():
        if isinstance(process, ForkServerProcess):
            process.kill()
            process.join()


def _find_worked_seconds(pid: int) -> float:
    try:
        line = Path("/proc", str(pid), "stat").read_text(encoding="utf-8")
    except OSError:  # it has just ended
        return 0.0
    user, system = line.rpartition(")")[2].split()[11:13]  # proc(5): utime and stime
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _become(
    arguments: tuple[str, ...], folder: str, environment: dict[str, str], paths: tuple[str, str]
) -> None:
    """Be the command, in what is forked."""
    from afcost.__main__ import main  # noqa: PLC0415 - only in what is forked

    for descriptor, path in zip((1, 2), paths, strict=True):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["afcost", *arguments]
    main()
