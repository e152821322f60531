"""Where fetched packages and built models are kept between test runs.

One folder outside the checkout: `AFCOST_TEST_CACHE`, else `~/.cache/afcost-tests`. An entry
appears whole or not at all: it is made beside its place and then renamed into it, so two test
runs at once, or one that is killed, leave nothing half-written. Whoever comes second throws his
own copy away; no lock is needed.

It never expires an entry: an entry's name says which version it holds.
"""

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


class CacheDamagedError(RuntimeError):
    """A file in the cache is not the one that was put there."""


def folder() -> Path:
    """Return the cache's folder, made if need be."""
    chosen = os.environ.get("AFCOST_TEST_CACHE")
    path = Path(chosen) if chosen else Path.home() / ".cache" / "afcost-tests"
    path.mkdir(parents=True, exist_ok=True)
    return path


def entry(name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder called `name`, filled by `make` if this is the first time.

    Args:
        name: one path component that changes whenever the content would.
        make: fills the empty folder that it is given.
    """
    place = folder() / name
    if not place.is_dir():
        _make_beside(place, make)
    return place


def _make_beside(place: Path, make: Callable[[Path], None]) -> None:
    draft = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        make(draft)
        with contextlib.suppress(OSError):  # not empty: another process was first
            draft.replace(place)
        if not place.is_dir():
            raise CacheDamagedError(f"{place} could not be written; is the disk full?")
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def sha256(content: bytes) -> str:
    """Return the digest that this cache knows files by."""
    return hashlib.sha256(content).hexdigest()


def checked(path: Path, digest: str) -> Path:
    """Return `path` back if it still holds what was put there.

    Raises:
        CacheDamagedError: with both digests, and what to delete.
    """
    found = sha256(path.read_bytes())
    if found != digest:
        raise CacheDamagedError(
            f"{path} has sha256 {found}, not {digest}. Delete the folder {path.parent} and "
            "run the tests again to fetch it anew."
        )
    return path
