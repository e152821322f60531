"""Known folders: the run folders on this machine that an estimate may rest on, the newest first."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from runner.ledger import LEDGER_FILE

_MOST_BYTES = 256 << 20  # of another study's ledger


def find_known_folders(
    own: Path,
    beside: Path | None,
    seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Path]:
    """Yield a study's own run folder, then the newest others, but those with too large a ledger.

    Only folders whose ledger is an ordinary file.

    Args:
        own: the study's folder, which need not exist.
        beside: a folder of other run folders; None has none.
        seconds: after which no other one is yielded, by the time that the first ones take.
        clock: tells the time in seconds.
    """
    if _find_ledger(own) is not None:
        yield own
    until = clock() + seconds
    for folder in _list_newest(beside):
        if clock() > until:
            return
        if os.path.realpath(folder) != os.path.realpath(own):  # links may go round
            yield folder


def _list_newest(beside: Path | None) -> list[Path]:
    """Return the run folders in a folder, by the age of their ledgers."""
    if beside is None or not beside.is_dir():
        return []
    found = ((each.parent, _find_ledger(each.parent)) for each in beside.glob(f"*/{LEDGER_FILE}"))
    ages = {
        each: ledger.st_mtime for each, ledger in found if ledger and ledger.st_size <= _MOST_BYTES
    }
    return sorted(ages, key=lambda each: ages[each], reverse=True)


def _find_ledger(folder: Path) -> os.stat_result | None:
    """Return what is known of a folder's ledger; None where it has no ordinary file."""
    try:
        found = (folder / LEDGER_FILE).stat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None
