"""Refuse to start when a user's file or folder shadows one of afcost's packages.

`runner`, `pricing`, `estimator` and `experiment` are ordinary words. A `runner.py` on PYTHONPATH
would be imported in place of ours, and money would be counted by whatever it does.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

ROOMS = ("experiment", "pricing", "providers", "estimator", "runner")


def find_shadowed_package() -> str | None:
    """Return an error message where one of afcost's packages is shadowed, else None."""
    home = Path(__file__).resolve().parent.parent
    for room in ROOMS:
        spec = find_spec(room)
        ours = home / room / "__init__.py"
        found = Path(spec.origin).resolve() if spec and spec.origin else None
        if found != ours:
            folders = list(spec.submodule_search_locations or []) if spec else []
            return (
                f"Python finds {found or folders or 'nothing'} instead of afcost's own package "
                f"{room!r} ({ours.parent}). "
                "Rename it or remove its folder from PYTHONPATH, then start again."
            )
    return None
