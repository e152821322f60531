"""Workers as processes on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

import runner
from runner.cluster.life import Life, LifeEnd
from runner.cluster.own_folders import OF_WORKERS, remove_left_folders
from runner.errors import CannotSend

_COMMAND = (sys.executable, "-P", "-m", "runner.cluster.process_main")
_MOST_SAID = 2_000  # bytes of what a process said before it died


class LocalCrew:
    """Starts workers on this machine; each has a session of its own, so Ctrl-C reaches the lead."""

    shares_secrets = True

    def start(self, handover: str, worker: str) -> Life:
        """Start a process.

        Raises:
            CannotSend: the system starts none.
        """
        paths = [os.environ.get("PYTHONPATH", ""), str(Path(runner.__file__).parent.parent)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
        try:
            # Files, because a process waits at its end for a pipe that is full.
            told, said = (tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115 - they stay
            process = subprocess.Popen(  # noqa: S603 - our own command
                _COMMAND,
                stdin=subprocess.PIPE,
                stdout=told,
                stderr=said,
                start_new_session=True,
                env=environment,
            )
        except OSError as error:
            raise CannotSend(f"no worker can be started: {error}") from error
        order = json.dumps({"worker": worker, "handover": handover})
        assert process.stdin is not None  # noqa: S101 - a pipe
        with suppress(BrokenPipeError):  # it died at once: `poll` says so
            process.stdin.write(order.encode() + b"\n")
            process.stdin.flush()
        return _ProcessLife(process, told, said)

    def close(self) -> None:
        """Remove what workers left that were killed; each process ends with its work."""
        remove_left_folders(OF_WORKERS)


class _ProcessLife:
    def __init__(self, process: subprocess.Popen[bytes], told: IO[bytes], said: IO[bytes]) -> None:
        self._process = process
        self._told, self._said = told, said
        self._end: LifeEnd | None = None

    def poll(self) -> LifeEnd | None:
        if self._end is None and self._process.poll() is not None:
            self._told.seek(0)
            told = self._told.read().decode(errors="replace")
            self._end = LifeEnd.from_text(told or self._describe_death())
            self._close()
        return self._end

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self.poll()

    def _close(self) -> None:
        for file in (self._process.stdin, self._told, self._said):
            if file is not None:
                with suppress(OSError):
                    file.close()

    def _describe_death(self) -> str:
        self._said.seek(0, os.SEEK_END)
        self._said.seek(max(self._said.tell() - _MOST_SAID, 0))
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        code = self._process.returncode
        how = f"it was killed by signal {-code}" if code < 0 else f"it ended with code {code}"
        return f"{how}: {lines[-1]}" if lines else how
