"""Vocabulary sources: where each vocabulary comes from, and what counts in it on this machine."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from estimator.counting.vocabularies.download import downloaded_vocabulary
from estimator.counting.vocabularies.rank_files import RankFile, find_rank_file
from pricing.data_files import read_data_file

_FILE = Path(__file__).with_name("vocabularies.yaml")


@dataclass(frozen=True, slots=True)
class VocabularySource:
    """Where a vocabulary comes from; a row of `vocabularies.yaml`."""

    name: str
    splintr: str
    origin: str
    licence: str
    checked: str
    probe: int
    normalise: str = ""
    run: int = 0
    package: str = ""
    member: str = ""
    sha256: str = ""
    pattern: str = ""
    ranks: int = 0
    first: int = 0
    fast: bool = False
    rank_file: RankFile | None = None


@cache
def load_vocabulary_sources() -> dict[str, VocabularySource]:
    """Return the source of each vocabulary, by its name."""
    rows: dict[str, dict[str, Any]] = read_data_file(_FILE)
    return {name: _read_source(name, {"splintr": name} | row) for name, row in rows.items()}


def _read_source(name: str, row: dict[str, Any]) -> VocabularySource:
    file = row.pop("rank_file", None)
    if file is None and row.get("package"):  # its own file is one of ranks
        file = {each: row[each] for each in ("sha256", "package", "member")}
        file["name"] = Path(row["member"]).name
    return VocabularySource(name, **row, rank_file=file and RankFile(**file))


def is_vocabulary_available(name: str) -> bool:
    """Return whether a vocabulary is on this machine; if not, it must be downloaded first."""
    source = load_vocabulary_sources()[name]
    if not has_splintr():
        return source.rank_file is not None and find_rank_file(source.rank_file) is not None
    return not source.package or downloaded_vocabulary(source.sha256) is not None


@cache
def has_splintr() -> bool:
    """Return whether splintr is installed; where it has no wheel, tiktoken counts by rank files."""
    return find_spec("splintr") is not None


@cache
def name_encoder() -> str:
    """Return what counts, with its version."""
    package = "splintr-rs" if has_splintr() else "tiktoken"
    with suppress(PackageNotFoundError):
        return f"{package} {version(package)}"
    return package


def read_pattern(source: VocabularySource) -> str:
    """Return the pattern that splits a vocabulary's ordinary text."""
    return _load_patterns()[source.pattern]


@cache
def _load_patterns() -> dict[str, str]:
    patterns: dict[str, str] = read_data_file(_FILE.with_name("patterns.yaml"))
    return patterns
