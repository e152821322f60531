"""User directories: where afcost stores what it needs beyond one command and one experiment.

`AFCOST_HOME` moves all of them; without it they are the operating system's usual ones.
"""

from __future__ import annotations

from pathlib import Path

import platformdirs

from pricing.cache_folder import cache_folder, home_subfolder

__all__ = ["SEEN_LIMITS", "cache_folder", "data_folder", "price_folder", "state_folder"]

SEEN_LIMITS = "limits"  # the folder of limits that answers stated, in the state folder


def data_folder() -> Path:
    """Return the folder of files to keep: calibration, downloaded vocabularies, price lists."""
    return home_subfolder("data") or platformdirs.user_data_path("afcost", appauthor=False)


def state_folder() -> Path:
    """Return the folder of what is known of ledgers and approvals, apart from their own files.

    It must not be restored from a backup together with them: it says which of them is the newest.
    """
    return home_subfolder("state") or platformdirs.user_state_path("afcost", appauthor=False)


def price_folder() -> Path:
    """Return the folder of downloaded price lists."""
    return data_folder() / "prices"
