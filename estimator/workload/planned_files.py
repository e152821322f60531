"""The files that a plan is made from: their digests, and the trusted folders that they are in."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from estimator.workload.tally import Workload
from experiment.definition import Experiment
from experiment.file_access import (
    MAX_QUERY_BYTES,
    MAX_TEXT_BYTES,
    list_used_folders,
    locate_path,
    open_file,
    resolve_path,
)


def digest_files(experiment: Experiment, workload: Workload) -> dict[str, str]:
    """Return the sha256 of every file that the requests were made from."""
    digests = {
        experiment.path.name: _digest_file(resolve_path(experiment.path), MAX_TEXT_BYTES),
        **(experiment.query_files or _digest_queries(experiment)),
    }
    return digests | {os.path.normpath(name): digest for name, digest in workload.files.items()}


def _digest_queries(experiment: Experiment) -> dict[str, str]:
    name = experiment.spec.queries.file or ""
    real = locate_path(experiment.folder, name, experiment.trust)
    return {name: _digest_file(real, MAX_QUERY_BYTES)}


def _digest_file(path: Path, max_bytes: int) -> str:
    with open_file(path, max_bytes) as file:
        return hashlib.sha256(file.read()).hexdigest()


def list_trusted_folders(experiment: Experiment, files: Iterable[str]) -> tuple[str, ...]:
    """Return the trusted folders that an experiment's files and tokenizers are in."""
    tokenizers = (
        source
        for source in experiment.spec.tokenizer.values()
        if not source.startswith("hf:") and source not in experiment.trust.tokenizers
    )
    return list_used_folders(experiment.folder, [*files, *tokenizers], experiment.trust)
