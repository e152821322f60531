"""Runs a program as the gateway does, in a process of its own, and tells how it ended.

python driver.py TOLD COMMAND ...      TOLD is a file that gets the end, as JSON
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import sys
import time
from pathlib import Path

from runner.gateway.program import run_program


def main() -> None:
    """Run the command, and write how it ended, and which signals came here meanwhile."""
    told, *command = sys.argv[1:]
    signals: list[str] = []

    def note(number: signal.Signals) -> None:
        signals.append(number.name)
        time.sleep(0.05)  # two signals at once would be one for the program
        Path(f"{told}.{number.name}").touch()

    end = asyncio.run(run_program(command, os.environ, note))
    Path(told).write_text(json.dumps(dataclasses.asdict(end) | {"signals": signals}))


if __name__ == "__main__":
    main()
