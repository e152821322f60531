"""Rank files: the tokens of a vocabulary in the form of tiktoken, for where splintr has no wheel.

A file is taken from the folder of downloaded vocabularies or from tiktoken's own cache, and only if
its sha256 is the expected one: then it has the tokens that splintr has.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from estimator.counting.vocabularies.download import downloaded_vocabulary, vocabulary_path
from estimator.errors import NoVocabulary

_OPENAI = "https://openaipublic.blob.core.windows.net/encodings/"  # in tiktoken_ext.openai_public


@dataclass(frozen=True, slots=True)
class RankFile:
    """The file of a vocabulary's ranks: a line for each token, in base64, with its rank.

    Attributes:
        name: as its origin calls it.
        sha256: of its content.
        package: that has it, as `name==version`; empty where none was found.
        member: its path in there.
    """

    name: str
    sha256: str
    package: str = ""
    member: str = ""


def find_rank_file(file: RankFile) -> Path | None:
    """Return where a file of ranks is on this machine; None where none is whole."""
    kept = downloaded_vocabulary(file.sha256)
    return kept or next((path for path in _list_cached(file) if _is_whole(path, file)), None)


def read_ranks(file: RankFile) -> dict[bytes, int]:
    """Return the tokens of a file of ranks -> their ranks, from 0.

    Raises:
        NoVocabulary: it is not on this machine; the text says how to get it.
    """
    path = find_rank_file(file)
    if path is None:
        raise NoVocabulary(f"the ranks {file.name} are not there; {describe_source(file)}")
    rows = (line.split() for line in path.read_bytes().splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in rows}


def describe_source(file: RankFile) -> str:
    """Return in words how to get a file of ranks, without a name of its vocabulary."""
    place = f"copy {file.name} (sha256 {file.sha256}) to {vocabulary_path(file.sha256)}"
    return f"{place}, or download it from {file.package}" if file.package else place


def _list_cached(file: RankFile) -> Iterator[Path]:
    """Yield where tiktoken keeps a file that it has downloaded, as `tiktoken.load` does."""
    named = (os.environ.get(name) for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"))
    folder = next((each for each in named if each is not None), None)
    place = Path(folder) if folder else Path(tempfile.gettempdir(), "data-gym-cache")
    yield place / hashlib.sha1(f"{_OPENAI}{file.name}".encode()).hexdigest()  # noqa: S324 - a name


def _is_whole(path: Path, file: RankFile) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
    except OSError:
        return False
