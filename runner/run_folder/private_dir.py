"""Private folders: a run's is readable by the user alone, and no one else can write to it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from estimator.atomic_write import make_private_folder
from runner.errors import BadRun
from runner.run_folder.files import (
    EXPERIMENT_FILE,
    LEDGER_FILES,
    PLAN_FILE,
    make_write_error,
)

_OTHERS, _OTHERS_WRITE = stat.S_IRWXG | stat.S_IRWXO, stat.S_IWGRP | stat.S_IWOTH


def create_run_dir(folder: Path) -> None:
    """Create a folder for a run, private to the user; make one that is there private.

    Raises:
        BadRun: it cannot be created, or belongs to another user and others can write to it.
    """
    try:
        make_private_folder(folder)
        found = folder.stat()
        if found.st_uid == _user_id(found):
            folder.chmod(found.st_mode & ~_OTHERS)
            _make_files_private(folder)
        elif found.st_mode & _OTHERS_WRITE:
            raise _unsafe(folder)
    except OSError as error:
        raise make_write_error(folder, error) from error


def check_run_dir(folder: Path) -> None:
    """Check that `create_run_dir` could create a folder; make and change nothing.

    Raises:
        BadRun: it cannot be created or written, or belongs to another user and others can write.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        code = errno.EEXIST if existing == folder else errno.ENOTDIR
        raise make_write_error(folder, OSError(code, os.strerror(code)))
    if existing != folder:
        if not os.access(existing, os.W_OK | os.X_OK):
            raise make_write_error(folder, OSError(errno.EACCES, os.strerror(errno.EACCES)))
        return
    found = folder.stat()
    if found.st_uid == _user_id(found):
        _refuse_foreign_links(folder)
    elif found.st_mode & _OTHERS_WRITE:
        raise _unsafe(folder)


def _refuse_foreign_links(folder: Path) -> None:
    for name in (PLAN_FILE, EXPERIMENT_FILE, *LEDGER_FILES):
        path = folder / name
        if path.is_symlink() and path.lstat().st_uid != _user_id(path.lstat()):
            raise BadRun(
                f"{path} is a link that another user made; nothing was sent. Remove it, or choose "
                "another folder with --run-dir"
            )


def _unsafe(folder: Path) -> BadRun:
    return BadRun(
        f"{folder} belongs to another user, and others can write to it, so the ledger would not be "
        "safe there; nothing was sent. Choose another folder with --run-dir"
    )


def _make_files_private(folder: Path) -> None:
    """Make a run's files private that an earlier version, or a copy, left open to others.

    Raises:
        BadRun: one of them is a link that another user made.
    """
    _refuse_foreign_links(folder)
    for name in (PLAN_FILE, EXPERIMENT_FILE, *LEDGER_FILES):
        path = folder / name
        if path.exists() and not path.is_symlink():
            path.chmod(path.stat().st_mode & ~_OTHERS)


def _user_id(found: os.stat_result) -> int:
    """Return the user's id; where users have none, such as on Windows, the owner's."""
    return os.geteuid() if hasattr(os, "geteuid") else found.st_uid
