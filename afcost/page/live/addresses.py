"""Addresses of runs: names that say nothing of where their folders are."""

from __future__ import annotations

import hashlib
from pathlib import Path

from runner.watching import RunList

_NAME_LENGTH = 16


def name_run(folder: Path) -> str:
    """Return the name of a run in addresses: it says nothing of where the folder is."""
    place = str(folder.absolute()).encode("utf-8", "surrogateescape")
    return hashlib.sha256(place).hexdigest()[:_NAME_LENGTH]


def write_address(folder: Path) -> str:
    """Return the address of a run's page on its server."""
    return f"/runs/{name_run(folder)}"


def find_folder(runs: RunList, name: str) -> Path | None:
    """Return the run folder of a name in an address; None where there is none."""
    return next((each for each in runs.list_folders() if name_run(each) == name), None)
