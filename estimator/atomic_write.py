"""Write a file whole or not at all, readable by its owner alone, whatever the umask."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_MAX_PREFIX = 100  # characters of the name; a file system allows 255 bytes


def write_atomically(path: Path, text: str, *, durable: bool = False) -> None:
    """Write a text file atomically: a reader sees the old content or the new, never a part.

    Args:
        path: of the file; its folder is made if there is none.
        text: its new content.
        durable: whether it survives a power cut.
    """
    write_bytes_atomically(path, text.encode(), durable=durable)


def write_bytes_atomically(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file of bytes atomically."""
    with _replace_file(path) as descriptor, os.fdopen(descriptor, "wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    if durable and os.name == "posix":
        flush_folder(path.parent)


@contextmanager
def open_atomically(path: Path) -> Iterator[TextIO]:
    """Open a text file to write to; it takes its place when all of it is written."""
    with (
        _replace_file(path) as descriptor,
        os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file,
    ):
        yield file


def make_private_folder(path: Path) -> None:
    """Make a folder and those above it that are not there, each private to the user."""
    for folder in [path, *path.parents][::-1]:
        if not folder.exists():
            folder.mkdir(mode=0o700, exist_ok=True)
    if not path.is_dir():
        path.mkdir()  # raises what is wrong


def flush_folder(path: Path) -> None:
    """Make the names in a folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _replace_file(path: Path) -> Iterator[int]:
    """Make a new file of a name that cannot be guessed; let it replace `path` at the end.

    A link at `path` is replaced, never written through.
    """
    make_private_folder(path.parent)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:_MAX_PREFIX]}.", dir=path.parent)
    new = Path(name)
    try:
        yield descriptor
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
