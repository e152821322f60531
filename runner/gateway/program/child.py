"""Running a program in the same terminal, and ending as it ends.

The program has this process's standard streams and belongs to its group, so the terminal sends it
Ctrl-C itself. What is sent to this process alone is passed on. Neither ends this process: calls
that are paid for are settled after the program has ended. Where this process is killed, Linux asks
the program to end: its calls would lead nowhere, and it would take that for results.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import shutil
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from runner.gateway.program.environment import GUARD_VARIABLE
from runner.gateway.program.family import end_family
from runner.gateway.program.left_running import RunningProcess, find_left_running
from runner.signals import receive_signals

NOT_FOUND, NOT_EXECUTABLE, BY_SIGNAL = 127, 126, 128  # as shells say it
_SET_PARENT_DEATH_SIGNAL = 1  # prctl(2)
# What a terminal sends to all of its group, and what only a process sends.
_FROM_TERMINAL = ("SIGINT", "SIGQUIT")
_FROM_PROCESSES = ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")


@dataclass(frozen=True, slots=True)
class ProgramEnd:
    """How a program ended.

    Attributes:
        code: its exit code, as a shell gives it: 128 + n where signal n ended it, 127 where there
            is no such command, 126 where it cannot be executed.
        problem: why it was not started; empty where it was.
        left_running: processes that it left behind; they are not ended.
    """

    code: int
    problem: str = ""
    left_running: tuple[RunningProcess, ...] = ()


async def run_program(
    command: Sequence[str],
    environment: Mapping[str, str],
    on_signal: Callable[[signal.Signals], None] = lambda _: None,
    *,
    stdout: int | None = None,
    stderr: int | None = None,
) -> ProgramEnd:
    """Run a program to its end.

    Cancelled, it asks the program and all that it started to end (SIGTERM), and ends them if that
    is of no use.

    Args:
        command: the program and its arguments.
        environment: as `guarded_environment` returns it.
        on_signal: is told of each signal that this process gets meanwhile.
        stdout: descriptor for the program's standard output; None for this process's own.
        stderr: the same, of its standard error.
    """
    program = _Program(on_signal)
    with receive_signals(program.receive, (*_FROM_TERMINAL, *_FROM_PROCESSES)):
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                env=dict(environment),
                stdout=stdout,
                stderr=stderr,
                preexec_fn=_end_with_this_process(),
            )
        except OSError as error:
            return _explain(command[0], environment, error)
        program.start(process)
        door_url = environment.get(GUARD_VARIABLE, "")
        code = await _wait(process, door_url)
    left = await asyncio.to_thread(find_left_running, door_url) if door_url else ()
    return ProgramEnd(code if code >= 0 else BY_SIGNAL - code, left_running=left)


def _end_with_this_process() -> Callable[[], None] | None:
    """Return what a program does before its first instruction; None where no system offers it.

    It imports and opens nothing then: after a fork, threads that are gone may have left locks.
    """
    if sys.platform != "linux":
        return None
    return partial(_ask_for_end, ctypes.CDLL(None).prctl, os.getpid())


def _ask_for_end(prctl: Callable[..., int], parent: int) -> None:
    prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:  # it was killed meanwhile
        os.kill(os.getpid(), signal.SIGTERM)


@dataclass(slots=True)
class _Program:
    """A program, and the signals for it."""

    on_signal: Callable[[signal.Signals], None]
    process: Process | None = None
    early: list[signal.Signals] = field(default_factory=list)
    from_terminal: int = 0

    def start(self, process: Process) -> None:
        self.process = process
        for number in self.early:
            self._pass_on(number)

    def receive(self, number: signal.Signals) -> None:
        """Pass a signal on, unless the terminal sent it to the program as well.

        That cannot be seen, so the first of a foreground job is taken to be the terminal's. One
        that was sent to this process alone is passed on when it is sent again.
        """
        self.on_signal(number)
        if number.name in _FROM_TERMINAL and _is_foreground():
            self.from_terminal += 1
            if self.from_terminal == 1:
                return
        self._pass_on(number)

    def _pass_on(self, number: signal.Signals) -> None:
        if self.process is None:
            self.early.append(number)
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(number)


def _is_foreground() -> bool:
    """Return whether a terminal sends its signals to this process's group."""
    with suppress(OSError, AttributeError):  # no terminal, or no such system
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
        try:
            return os.tcgetpgrp(terminal) == os.getpgrp()
        finally:
            os.close(terminal)
    return False


async def _wait(process: Process, door_url: str) -> int:
    try:
        return await process.wait()
    except asyncio.CancelledError:
        await end_family(door_url, process.pid)
        await process.wait()
        raise


def _explain(name: str, environment: Mapping[str, str], error: OSError) -> ProgramEnd:
    """Return why a program was not started, and the exit code that a shell gives."""
    is_folder = os.sep in name and Path(name).is_dir()
    if not is_folder and shutil.which(name, os.F_OK, path=environment.get("PATH")) is None:
        where = "" if os.sep in name else ", in no folder of PATH"
        return ProgramEnd(NOT_FOUND, f"{name}: there is no such command{where}")
    if error.errno == errno.ENOEXEC:
        why = "it is no program, and its first line names none, such as #!/bin/sh"
    elif isinstance(error, FileNotFoundError):
        why = "the program that its first line names is not there"
    elif is_folder:
        why = "it is a folder"
    else:
        why = f"{error.strerror}"
    return ProgramEnd(NOT_EXECUTABLE, f"{name} cannot be executed: {why}")
