"""How long a user waits: `afcost --help`, and an estimate of the built-in experiment.

    python benchmarks/startup.py

Whole processes, after one that is not counted; beside them what starting Python alone costs.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time

RUNS = 7
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "afcost --help": ["-m", "afcost", "--help"],
    "afcost estimate --model llama-3.1-70b": [
        "-m", "afcost", "estimate", "--model", "llama-3.1-70b",
    ],
}  # fmt: skip


def seconds(arguments: list[str], folder: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, check=True)
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name, arguments in COMMANDS.items():
            seconds(arguments, folder)
            times = sorted(seconds(arguments, folder) for _ in range(RUNS))
            median = statistics.median(times)
            print(f"{name:40} median {median:.3f} s, {times[0]:.3f} to {times[-1]:.3f}")


if __name__ == "__main__":
    main()
