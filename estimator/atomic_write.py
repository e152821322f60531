"""Write a file whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


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
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_bytes(content)
        if durable:
            _flush_to_disk(new)
        new.replace(path)
        if durable and os.name == "posix":
            _flush_to_disk(path.parent)
    finally:
        new.unlink(missing_ok=True)


def _flush_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
