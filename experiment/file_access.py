"""Read an experiment's files: from its own folder, or from where the user allows it.

An experiment file may come from a stranger, and what it reads may be sent to a provider. So a path
that leads out of the experiment's folder is refused, also over a link, and so is what is not a
regular file. The one place where a file that an experiment names is opened.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from experiment.errors import RefusedFile

MAX_TEXT_BYTES = 4 << 20  # of a template, a text that one inserts, or an experiment file
MAX_QUERY_BYTES = 256 << 20
_MAX_PATH = 4096
_KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a pipe (FIFO)",
    stat.S_ISSOCK: "a socket",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
}
_FLAGS = ("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NOCTTY")  # where there are such
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - an ordinary file system in a folder of devices


@dataclass(frozen=True, slots=True)
class Trust:
    """What the user allows an experiment beyond its own folder.

    Attributes:
        folders: absolute paths; what is in them may be read.
        files: files that an approved plan pins, as the experiment names them.
        tokenizers: those that the user, or an approved plan, named: `hf:…` or an absolute path.
        downloads: whether tokenizers that the experiment file names may be downloaded.
        overrides: whether tokenizers that replace the file's are the user's word; not where a
            settings file, which may be a stranger's too, names them.
    """

    folders: tuple[str, ...] = ()
    files: frozenset[str] = frozenset()
    tokenizers: frozenset[str] = frozenset()
    downloads: bool = False
    overrides: bool = True


def read_file(folder: Path, name: str, trust: Trust, max_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """Read a file that an experiment names.

    Args:
        folder: the experiment's own.
        name: the path in the experiment file, relative to the folder.
        trust: what the user allows beyond the folder.
        max_bytes: the size from which it is refused.

    Raises:
        RefusedFile: it may not be read.
        OSError: it cannot be read.
    """
    with open_file(locate_path(folder, name, trust), max_bytes) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:  # it grew meanwhile
        raise _too_large(Path(name), len(content), max_bytes)
    return content


def locate_path(folder: Path, name: str, trust: Trust) -> Path:
    """Return where a file or folder really is that an experiment names; it need not exist.

    Raises:
        RefusedFile: it is neither in the experiment's folder nor where the user allows it.
    """
    if not name or "\0" in name or len(name) > _MAX_PATH:
        raise RefusedFile(f"{name[:60]!r} is not a path")
    real, own = resolve_path(folder / name), resolve_path(folder)
    refuse_kernel_file(real)
    if real.is_relative_to(own) or os.path.normpath(name) in trust.files:
        return real
    if find_holding_folder(real, trust.folders) is None:
        raise RefusedFile(
            f"{name!r} leads out of the experiment's folder {folder} to {real}; copy it into the "
            f"folder or, if it is your own, allow it with `afcost trust {real.parent}`"
        )
    return real


def find_holding_folder(path: Path, folders: Iterable[str]) -> str | None:
    """Return the first of some folders that a resolved path is in."""
    return next((each for each in folders if path.is_relative_to(resolve_path(Path(each)))), None)


def list_used_folders(folder: Path, names: Iterable[str], trust: Trust) -> tuple[str, ...]:
    """Return the trusted folders outside of an experiment's own that its files are in, sorted."""
    own, used = resolve_path(folder), set()
    for name in names:
        real = resolve_path(folder / name)
        if not real.is_relative_to(own) and (holder := find_holding_folder(real, trust.folders)):
            used.add(holder)
    return tuple(sorted(used))


def open_file(path: Path, max_bytes: int) -> BinaryIO:
    """Open a regular file to read it; whatever it is, opening does not wait.

    Args:
        path: where it really is, without links.
        max_bytes: the size from which it is refused.

    Raises:
        RefusedFile: it is no regular file, too large, or was replaced meanwhile.
        OSError: it cannot be opened.
    """
    _require_regular(path, path.lstat().st_mode)  # before opening: that alone can move a device
    flags = os.O_RDONLY
    for name in _FLAGS:
        flags |= getattr(os, name, 0)
    file = os.fdopen(os.open(path, flags), "rb")
    try:
        _check_opened(path, os.fstat(file.fileno()), max_bytes)
    except BaseException:
        file.close()
        raise
    return file


def read_named_file(path: Path, max_bytes: int) -> str:
    """Return the text of a file that the user or the program names, wherever it is.

    Raises:
        RefusedFile: it is no regular file or too large.
        OSError: it cannot be opened.
        UnicodeDecodeError: it is not UTF-8 text.
    """
    with open_file(resolve_path(path), max_bytes) as file:
        return file.read(max_bytes).decode()


def _check_opened(path: Path, info: os.stat_result, max_bytes: int) -> None:
    _require_regular(path, info.st_mode)
    if resolve_path(path) != path or not os.path.samestat(info, path.lstat()):
        raise RefusedFile(f"{path} was replaced while it was opened; try again")
    if info.st_size > max_bytes:
        raise _too_large(path, info.st_size, max_bytes)


def resolve_path(path: Path) -> Path:
    """Return a path without links.

    Raises:
        RefusedFile: its links lead in a circle.
    """
    try:
        return path.resolve()
    except (RuntimeError, OSError) as error:
        raise RefusedFile(f"{path} cannot be followed: {error}") from error


def refuse_kernel_file(path: Path) -> None:
    """Refuse what is no file of the user's: processes, devices, the system's state.

    Raises:
        RefusedFile: the path is such a place.
    """
    top = path.parts[1:2]
    if path.is_absolute() and top in {("proc",), ("sys",), ("dev",)}:
        if path.is_relative_to(_SHARED_MEMORY):
            return
        raise RefusedFile(f"{path} belongs to the operating system; an experiment may not read it")


def _require_regular(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((kind for test, kind in _KINDS.items() if test(mode)), "not a regular file")
        raise RefusedFile(f"{path} is {kind}; a regular file is needed")


def _too_large(path: Path, size: int, max_bytes: int) -> RefusedFile:
    return RefusedFile(f"{path} has {size:,} bytes; at most {max_bytes:,} can be read")
