"""Runs a program as the gateway does, in a process of its own, and tells how it ended.

python driver.py TOLD COMMAND ...      TOLD is a file that gets the end, as JSON
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import sys
from pathlib import Path

from runner.gateway.program import run_program


def main() -> None:
    """Run the command, and write how it ended."""
    told, *command = sys.argv[1:]
    signals: list[str] = []
    end = asyncio.run(run_program(command, os.environ, lambda number: signals.append(number.name)))
    Path(told).write_text(json.dumps(dataclasses.asdict(end) | {"signals": signals}))


if __name__ == "__main__":
    main()
