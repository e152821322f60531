"""A server in a process of its own, which never outlives the process that started it.

The two sides meet on the child's standard streams. The child prints one line, its address, when
it listens; the parent keeps the child's standard input open and never writes to it. However the
parent ends, `kill -9` included, the kernel closes that pipe, and the child leaves.

It does not restart a server, and it serves nothing itself.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

PACKAGE = "tests.support"
ROOT = Path(__file__).resolve().parents[2]
LONGEST_LIFE_SECONDS = 3600.0


class ServerDidNotStartError(RuntimeError):
    """A server ended, or said nothing, before it announced its address."""


@contextlib.contextmanager
def run(module: str, *arguments: str, patience: float = 60.0) -> Iterator[str]:
    """Start `module` of this package and yield the base URL that it announces.

    Args:
        module: the module's name inside this package, such as `"provider.server"`.
        arguments: its command line.
        patience: how many seconds it may take to start.

    Raises:
        ServerDidNotStartError: with the end of what the server wrote.
    """
    with tempfile.TemporaryFile() as log, _child(module, arguments, log) as process:
        yield _address(process, module, patience, log)


@contextlib.contextmanager
def _child(
    module: str, arguments: tuple[str, ...], log: IO[bytes]
) -> Iterator["subprocess.Popen[str]"]:
    """Start the process and, whatever happens, let it leave, or end it by its own id."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"{PACKAGE}.{module}", "--until-stdin-closes", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    with process:  # closes its pipes and waits for it
        try:
            yield process
        finally:
            assert process.stdin is not None
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            process.kill()


def _address(process: "subprocess.Popen[str]", module: str, patience: float, log: IO[bytes]) -> str:
    """Read the one line that the child prints, or say why there is none."""
    assert process.stdout is not None
    watchdog = threading.Timer(patience, process.kill)
    watchdog.start()
    line = process.stdout.readline().strip()
    watchdog.cancel()
    if not line:
        process.wait()
        log.seek(0)
        ending = log.read().decode(errors="replace")[-2000:]
        raise ServerDidNotStartError(
            f"{module} did not announce itself within {patience:g} s "
            f"(exit code {process.returncode}). It wrote:\n{ending}"
        )
    return line


def arguments(description: str) -> argparse.ArgumentParser:
    """Return the options that every server here takes; a server adds its own."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the parent")
    return parser


def announce(
    url: str, *, until_stdin_closes: bool, leave: Callable[[], None] = lambda: None
) -> None:
    """Tell the parent where this server listens, and from now on end when it does.

    What is printed afterwards goes to standard error: nobody reads standard output any more, and
    a full pipe would stop the server.

    Args:
        url: where it listens.
        until_stdin_closes: whether to end with the parent.
        leave: is called before the end, by a server that leaves something behind.
    """
    print(url, flush=True)  # noqa: T201 - the line that the parent waits for
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    if until_stdin_closes:
        threading.Thread(target=_leave_with_parent, args=(leave,), daemon=True).start()
    deadline = threading.Timer(LONGEST_LIFE_SECONDS, _end, args=(leave, 1))
    deadline.daemon = True
    deadline.start()


def _leave_with_parent(leave: Callable[[], None]) -> None:
    """Wait for the parent's end of the pipe to close."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    _end(leave, 0)


def _end(leave: Callable[[], None], code: int) -> None:
    """End at once; nothing else here is worth a clean shutdown."""
    try:
        leave()
    finally:
        os._exit(code)
