"""How long a user waits: `afcost --help`, and an estimate of the built-in experiment.

    python benchmarks/startup.py

Whole processes, after one that is not counted, with the compiled modules that an installed package
has; beside them what starting Python alone costs, and the processor time of each.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 7
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "afcost --help": ["-m", "afcost", "--help"],
    "afcost estimate --model llama-3.1-70b": [
        "-m", "afcost", "estimate", "--model", "llama-3.1-70b",
    ],
}  # fmt: skip


def measure(arguments: list[str], folder: str, environment: dict[str, str]) -> tuple[float, float]:
    """Return the seconds that a command takes, and its processor time."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{arguments} failed")
    return time.perf_counter() - began, used.ru_utime + used.ru_stime


def main() -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        environment["PYTHONPYCACHEPREFIX"] = str(Path(folder, "compiled"))
        for name, arguments in COMMANDS.items():
            measure(arguments, folder, environment)
            measured = [measure(arguments, folder, environment) for _ in range(RUNS)]
            times = sorted(wall for wall, _ in measured)
            cpu = min(used for _, used in measured)
            median = statistics.median(times)
            print(
                f"{name:40} median {median:.3f} s, {times[0]:.3f} to {times[-1]:.3f}; "
                f"processor {cpu:.3f}"
            )


if __name__ == "__main__":
    main()
