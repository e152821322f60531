"""Folders: where afcost keeps what outlives one command, outside of any experiment.

`AFCOST_HOME` moves both of them; without it they are where the system keeps such things.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Give the folder of what can be made again: counts."""
    return _home("cache") or platformdirs.user_cache_path("afcost", appauthor=False)


def data_folder() -> Path:
    """Give the folder of what cannot: what was learned from bills, and fetched vocabularies."""
    return _home("data") or platformdirs.user_data_path("afcost", appauthor=False)


def price_folder() -> Path:
    """Give the folder of fetched price lists."""
    return data_folder() / "prices"


def _home(kind: str) -> Path | None:
    home = os.environ.get("AFCOST_HOME")
    return Path(home) / kind if home else None
