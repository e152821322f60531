"""Trusted folders: the user's own, from which experiments elsewhere may read files."""

from __future__ import annotations

import json
from pathlib import Path

from estimator.atomic_write import write_atomically
from estimator.errors import BadTrust
from estimator.json_files import read_json_file
from estimator.user_dirs import data_folder
from experiment.file_access import Trust

_FILE = "trusted-folders.json"
_SYSTEM = {"proc", "sys", "dev"}


def list_trusted_folders() -> tuple[str, ...]:
    """Return the absolute paths of all trusted folders, sorted.

    Raises:
        BadTrust: the file that lists them is damaged.
    """
    path = data_folder() / _FILE
    try:
        folders = read_json_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (OSError, ValueError) as error:
        raise BadTrust(
            f"cannot read {path}: {error}; remove it and trust your folders again"
        ) from error
    if not isinstance(folders, list) or not all(isinstance(each, str) for each in folders):
        raise BadTrust(f"{path} is damaged; remove it and trust your folders again")
    return tuple(sorted(folders))


def user_trust(*, downloads: bool = False, overrides: bool = True) -> Trust:
    """Return what the user allows every experiment.

    Args:
        downloads: whether tokenizers that experiment files name may be downloaded.
        overrides: whether tokenizers that replace theirs are the user's word.
    """
    return Trust(list_trusted_folders(), downloads=downloads, overrides=overrides)


def trust_folder(folder: Path) -> Path:
    """Trust a folder and all that is in it, and return its real path.

    Raises:
        BadTrust: it is not a folder, or holds everything.
    """
    real = folder.resolve()
    if not real.is_dir():
        raise BadTrust(f"{folder} is not a folder")
    if real in {Path(real.anchor), Path.home().resolve()} or set(real.parts[1:2]) & _SYSTEM:
        raise BadTrust(
            f"{real} holds more than files for experiments; name the folder with the files, such "
            f"as {Path.home() / 'queries'}"
        )
    _save({*list_trusted_folders(), str(real)})
    return real


def distrust_folder(folder: Path) -> Path:
    """Trust a folder no more, and return its path as it was listed.

    Raises:
        BadTrust: it is not trusted.
    """
    known = list_trusted_folders()
    found = {str(folder), str(folder.resolve())} & set(known)
    if not found:
        raise BadTrust(f"{folder} is not trusted; trusted: {', '.join(known) or 'no folder'}")
    _save(set(known) - found)
    return Path(found.pop())


def _save(folders: set[str]) -> None:
    write_atomically(data_folder() / _FILE, json.dumps(sorted(folders), indent=1) + "\n")
