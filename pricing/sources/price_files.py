"""Price files: where `afcost.prices.yaml` is read, and that it is a file of the folder it is in.

The folder of an experiment may come from a stranger: a link out of it, or a pipe, is refused.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from pricing.errors import BadPriceFile

PRICE_FILE = "afcost.prices.yaml"
MAX_PRICE_FILE_SIZE = 1 << 20
_FLAGS = ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOCTTY")  # where there are such


def find_price_files(folders: Iterable[Path]) -> list[Path]:
    """Return the price files in some folders, in their order.

    Raises:
        BadPriceFile: one is a link that leads out of its folder.
    """
    found = []
    for folder in dict.fromkeys(folder.resolve() for folder in folders):
        path = folder / PRICE_FILE
        if not os.path.lexists(path):
            continue
        if not _follow_links(path).is_relative_to(folder):
            raise BadPriceFile(
                f"{path} is a link that leads out of its folder; remove it, or pass the file that "
                "it leads to with --prices"
            )
        found.append(path)
    return found


def read_price_text(path: Path) -> str:
    """Return the text of a price file, without waiting for what is no file.

    Raises:
        BadPriceFile: it cannot be read, or is too large.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadPriceFile(f"cannot read {path}: it is not a regular file")
        flags = os.O_RDONLY
        for name in _FLAGS:
            flags |= getattr(os, name, 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise BadPriceFile(f"cannot read {path}: it is not a regular file")
            content = file.read(MAX_PRICE_FILE_SIZE + 1)
    except OSError as error:
        raise BadPriceFile(f"cannot read {path}: {error}") from error
    if len(content) > MAX_PRICE_FILE_SIZE:
        raise BadPriceFile(f"{path} is larger than {MAX_PRICE_FILE_SIZE >> 20} MiB")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BadPriceFile(f"cannot read {path}: {error}") from error


def _follow_links(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise BadPriceFile(f"cannot read {path}: {error}") from error
