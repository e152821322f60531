"""Read files: what was read from installed files, kept as JSON since that is read faster.

A kept file holds the digest of all that it was read from, and one of its own content. One that is
damaged, or was read from other files, is as none; so is one in a folder that cannot be read. It
may be removed at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

from pricing.cache_folder import cache_folder

_DATE = "$date"  # the only name of an object that stands for a date


def digest_files(*parts: bytes | str) -> str:
    """Return a digest of the content of files, and of what else decides how they are read."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def find_read_file(name: str, digest: str) -> Any:  # noqa: ANN401 - any JSON
    """Return what was kept under a name and a digest; None where there is none that is whole."""
    with suppress(OSError, ValueError, RecursionError):
        kept = _path(name).read_bytes()
        head, _, text = kept.partition(b"\n")
        if head.decode() == digest_files(digest, text):
            return json.loads(text, object_hook=_read_date)
    return None


def keep_read_file(name: str, digest: str, content: Any) -> None:  # noqa: ANN401 - as above
    """Keep what was read, for the next process; not where JSON would read it as something else."""
    with suppress(OSError, ValueError, TypeError, RecursionError):
        text = json.dumps(content, default=_write_date, ensure_ascii=False)
        if json.loads(text, object_hook=_read_date) != content:
            return
        data = text.encode()
        _replace(_path(name), digest_files(digest, data).encode() + b"\n" + data)


def _path(name: str) -> Path:
    return cache_folder() / "read" / f"{name}.json"


def _replace(path: Path, content: bytes) -> None:
    """Write a file that is whole whenever it is read, by its owner alone."""
    folder = path.parent
    for each in (*reversed(folder.parents), folder):  # by `parents=True` others could read them
        if not each.exists():
            each.mkdir(mode=0o700, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    new = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _write_date(value: object) -> dict[str, str]:
    if type(value) is date:
        return {_DATE: value.isoformat()}
    raise TypeError(f"{value!r} is not kept")


def _read_date(members: dict[str, Any]) -> Any:  # noqa: ANN401 - the object, or a date
    if len(members) == 1 and _DATE in members:
        return date.fromisoformat(members[_DATE])
    return members
