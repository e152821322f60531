"""The newest run folders in a folder, for what rests on earlier runs."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from runner.ledger import LEDGER_FILE

_MOST_BYTES = 256 << 20  # of another study's ledger


def list_newest_folders(beside: Path | None) -> list[Path]:
    """Return the newest run folders in a folder, by their ledgers, but those that are too large.

    Args:
        beside: the folder; None has none.
    """
    if beside is None or not beside.is_dir():
        return []
    found = ((each.parent, _find_ledger(each.parent)) for each in beside.glob(f"*/{LEDGER_FILE}"))
    ages = {
        each: ledger.st_mtime for each, ledger in found if ledger and ledger.st_size <= _MOST_BYTES
    }
    return sorted(ages, key=lambda each: ages[each], reverse=True)


def has_ledger(folder: Path) -> bool:
    """Return whether a folder has a ledger that is an ordinary file."""
    return _find_ledger(folder) is not None


def is_same_folder(one: Path, other: Path) -> bool:
    """Return whether two paths are of one folder, also where links go round."""
    return os.path.realpath(one) == os.path.realpath(other)


def _find_ledger(folder: Path) -> os.stat_result | None:
    """Return what is known of a folder's ledger; None where it has no ordinary file."""
    try:
        found = (folder / LEDGER_FILE).stat()
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None
