"""User directories: where afcost stores what it needs beyond one command and one experiment.

`AFCOST_HOME` moves all of them; without it they are the operating system's usual ones.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Return the folder of files that can be recreated, such as cached counts."""
    return _home_subfolder("cache") or platformdirs.user_cache_path("afcost", appauthor=False)


def data_folder() -> Path:
    """Return the folder of files to keep: calibration, downloaded vocabularies, price lists."""
    return _home_subfolder("data") or platformdirs.user_data_path("afcost", appauthor=False)


def state_folder() -> Path:
    """Return the folder of what is known of ledgers and approvals, apart from their own files.

    It must not be restored from a backup together with them: it says which of them is the newest.
    """
    return _home_subfolder("state") or platformdirs.user_state_path("afcost", appauthor=False)


def price_folder() -> Path:
    """Return the folder of downloaded price lists."""
    return data_folder() / "prices"


def _home_subfolder(kind: str) -> Path | None:
    home = os.environ.get("AFCOST_HOME")
    return Path(home) / kind if home else None
