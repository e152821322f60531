"""Cache folder: where afcost keeps files that can be made again; `AFCOST_HOME` moves it."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """Return the folder of files that can be recreated, such as cached counts."""
    return home_subfolder("cache") or platformdirs.user_cache_path("afcost", appauthor=False)


def home_subfolder(kind: str) -> Path | None:
    """Return the folder of one kind of files below `AFCOST_HOME`; None where that is not set."""
    home = os.environ.get("AFCOST_HOME")
    return Path(home) / kind if home else None
