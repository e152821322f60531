"""A worker as a process of its own: told what to do on its input, tells its end on its output.

    python -P -m runner.cluster.process_main

The input stays open as long as the process that started it lives. Nothing secret is on the command
line.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback

from runner.cluster.handover import Handover
from runner.cluster.joined_worker import work_as_told
from runner.cluster.life import LifeEnd


def main() -> None:
    """Do the work that the first line of the input describes."""
    told = os.dup(1)
    os.dup2(2, 1)  # what else is printed is no end
    order = json.loads(sys.stdin.buffer.readline())
    gone = threading.Event()
    threading.Thread(target=_wait_for_end_of_input, args=(gone,), daemon=True).start()
    try:
        end = work_as_told(Handover.from_text(order["handover"]), order["worker"], gone.is_set)
    except Exception as error:  # noqa: BLE001 - it is told to the process that started this one
        traceback.print_exc()
        end = LifeEnd("", f"{type(error).__name__}: {error}")
    os.write(told, end.to_text().encode())


def _wait_for_end_of_input(gone: threading.Event) -> None:
    while sys.stdin.buffer.read(1):
        pass
    gone.set()


if __name__ == "__main__":
    main()
