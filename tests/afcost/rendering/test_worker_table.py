"""Who works on a shared ledger, as `afcost status` shows it."""

from __future__ import annotations

from rich.console import Console

from afcost.rendering.running.worker_table import show_workers
from runner.control import ListedWorker, StatedWait

WAIT = StatedWait("lab/model", "", "", is_stopped=False, why="HTTP 429")
LONG = "a-machine-with-a-long-name.example.org"
AT = "2026-11-27T12:00:00+00:00"


def shown(*workers: ListedWorker) -> str:
    console = Console(width=80, force_terminal=True, color_system=None)
    with console.capture() as captured:
        show_workers(console, workers)
    return captured.get()


def test_workers_fit_80_columns_with_what_they_wait_for():
    said = shown(
        ListedWorker("a" * 16, LONG, 4_000_000, "working", AT, 100_000, 1_000, (WAIT,)),
        ListedWorker("b" * 16, "", 0, "silent", "", 1, 2),
        ListedWorker("c" * 16, LONG, 17, "ended", AT, 7, 0),
        ListedWorker("d" * 16, LONG, 17, "ended", "no time", 7, 0),
    )
    assert all(len(line) <= 80 for line in said.splitlines()), said
    assert "aaaaaaaa  a-machine-with 4000000  working" in said
    assert "bbbbbbbb  unknown                 silent" in said
    assert "ended, seen 2026-11-27" in said
    assert "aaaaaaaa waits for lab/model: HTTP 429" in said


def test_nothing_is_shown_where_nobody_works():
    assert not shown()
    assert not shown(ListedWorker("c" * 16, "host", 17, "ended", AT, 7, 0))
