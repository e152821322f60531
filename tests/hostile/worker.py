"""The real command, started in a few milliseconds: one process imports afcost and forks.

    with warm_commands() as commands:
        done = commands.run(Command(("estimate", "experiment.yaml"), ...))
        done.exit_code, done.seconds, done.megabytes, done.tried

What is forked calls `afcost.__main__.main`, as `afcost` itself does, with an environment, a folder
and output files of its own; the kernel measures its memory. An audit hook notes every address that
it wants to reach and every program that it wants to start, so that "nothing was sent" holds for
hosts that do not exist as well. `run_fresh` starts the installed command instead.

    python -m tests.hostile.worker      # reads commands from its standard input, a line each
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 4 * 2**30  # far beyond what is allowed, so that a failure spares the machine
NOTED = {
    "socket.connect",
    "socket.sendto",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
}


@dataclass(frozen=True)
class Command:
    """A command to run; `said` is the beginning of its output files' names."""

    arguments: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    said: str
    limit: float
    umask: int = 0o022
    interrupt: float = 0.0

    @property
    def files(self) -> tuple[Path, Path, Path]:
        """Its output, what it said on standard error, and what the audit hook noted."""
        return Path(f"{self.said}.out"), Path(f"{self.said}.err"), Path(f"{self.said}.tried")


@dataclass(frozen=True)
class Done:
    """How a command ended; a negative exit code is a signal.

    `seconds` are those of the processor, so that a busy machine breaks no promise; a command that
    waits for ever is ended by its limit.
    """

    exit_code: int
    seconds: float
    megabytes: float
    output: bytes
    errors: bytes
    tried: tuple[str, ...]


class WarmCommands:
    """The test's side."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._commands: IO[bytes] = process.stdin
        self._told: IO[bytes] = process.stdout

    def run(self, command: Command) -> Done:
        """Run a command to its end, or until its time is over."""
        self._commands.write(json.dumps(asdict(command)).encode() + b"\n")
        told = json.loads(self._told.readline())
        output, errors, tried = (path.read_bytes() for path in command.files)
        return Done(**told, output=output, errors=errors, tried=tuple(tried.decode().splitlines()))


@contextlib.contextmanager
def warm_commands() -> Iterator[WarmCommands]:
    """Start the process that forks."""
    command = [sys.executable, "-m", "tests.hostile.worker"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, bufsize=0) as process:
        try:
            yield WarmCommands(process)
        finally:
            process.kill()


def run_fresh(command: Command) -> Done:
    """Run the command in a process that was not forked from anything warm."""
    output, errors, tried = command.files
    tried.touch()
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-m", "afcost", *command.arguments],
            cwd=command.folder,
            env=command.environment | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            umask=command.umask,
        )
        resource.prlimit(process.pid, resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        told = _wait(process.pid, command, read_peak=partial(_read_peak, process.pid))
    process.returncode = told["exit_code"]  # it was waited for already
    return Done(**told, output=output.read_bytes(), errors=errors.read_bytes(), tried=())


def _read_peak(pid: int) -> float:
    """Return the peak of a process's memory in MB so far, since it began its program."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        program = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return 0.0
    if b"\0afcost\0" not in program:  # not yet
        return 0.0
    return sum(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def main() -> None:
    """Import everything once, and fork for each command."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    _warm_up()
    for line in sys.stdin:
        fields = json.loads(line)
        command = Command(**(fields | {"arguments": tuple(fields["arguments"])}))
        pid = os.fork()
        if pid == 0:
            _become(command)
        print(json.dumps(_wait(pid, command)), file=answers, flush=True)


def _warm_up() -> None:
    """Import all commands, and have our own tables read: one estimate, with its output nowhere."""
    from afcost.cli import run_cli  # noqa: PLC0415 - only where it is started

    errors, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    for path in sorted((ROOT / "afcost").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        if path.stem not in ("__main__", "__init__"):
            importlib.import_module(name)
    with tempfile.TemporaryDirectory() as home:
        os.environ["AFCOST_HOME"] = home
        run_cli(["estimate", "--model", "llama-3.1-8b", "--limit", "1", "--count", "local"])
    os.dup2(errors, 2)
    gc.freeze()


def _become(command: Command) -> None:
    """Be the command, and leave without going back to the loop that forked."""
    code: Any = 70
    try:
        _redirect(command)
        os.environ.clear()
        os.environ.update(command.environment)
        os.chdir(command.folder)
        os.umask(command.umask)
        resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
        sys.argv = ["afcost", *command.arguments]
        code = _call_main()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code if isinstance(code, int) else 70)


def _call_main() -> Any:
    from afcost.__main__ import main as afcost  # noqa: PLC0415 - only in what is forked

    try:
        afcost()
    except SystemExit as error:
        return error.code or 0
    except BaseException:  # noqa: BLE001 - Python would print it and end with 1
        traceback.print_exc()
        return 1
    return 0


def _redirect(command: Command) -> None:
    """Send what it prints to its files, and note what it tries."""
    noted = os.open(command.files[2], os.O_WRONLY | os.O_CREAT, 0o600)
    for descriptor, path in zip((1, 2), command.files, strict=False):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event in NOTED:
            shown = repr(arguments[1] if event.startswith("socket.connect") else arguments)
            os.write(noted, f"{event} {shown[:300]}\n".encode("utf-8", "backslashreplace"))

    sys.addaudithook(note)


def _wait(
    pid: int, command: Command, *, read_peak: Callable[[], float] | None = None
) -> dict[str, float]:
    """Wait for a process; interrupt it where that is asked for, end it when its time is over.

    Args:
        pid: of the process.
        command: what it runs.
        read_peak: reads its peak of memory in MB while it runs, where what the system says at its
            end counts the process that it was started by too.
    """
    began, interrupt, peak = time.monotonic(), command.interrupt, 0.0
    while True:
        peak = max(peak, read_peak()) if read_peak else 0.0
        ended, status, used = os.wait4(pid, os.WNOHANG)
        seconds = time.monotonic() - began
        if ended:
            worked = used.ru_utime + used.ru_stime
            code = os.waitstatus_to_exitcode(status)
            return {
                "exit_code": code,
                "seconds": worked,
                "megabytes": peak or used.ru_maxrss / 1024,
            }
        if interrupt and seconds > interrupt:
            os.kill(pid, signal.SIGINT)
            interrupt = 0.0
        if seconds > command.limit:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.003)


if __name__ == "__main__":
    main()
