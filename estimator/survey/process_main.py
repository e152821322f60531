"""What a process that counts blocks does: it reads what is counted, then block after block."""

from __future__ import annotations

import os
import pickle
import sys
from collections.abc import Iterator
from typing import BinaryIO

from estimator.count_cache import default_cache, flush_default_cache
from estimator.errors import EstimatorError
from estimator.survey.block_counter import BlockCounter, CountedBlock
from estimator.survey.cell_stratum import NeedsOrderError
from experiment.errors import ExperimentError
from providers.errors import ProvidersError


def main() -> None:
    """Count blocks that standard input names, and write what was counted to standard output."""
    told, said = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else is written between the counts
    survey, bypassed = pickle.load(told)  # noqa: S301 - from the process that started this one
    default_cache().bypassed = bypassed
    counter = BlockCounter(survey)
    for start, stop in _read_blocks(told):
        pickle.dump(_count(counter, start, stop), said)
        said.flush()
    flush_default_cache()


def _read_blocks(told: BinaryIO) -> Iterator[tuple[int, int]]:
    while True:
        try:
            yield pickle.load(told)  # noqa: S301
        except EOFError:
            return


def _count(counter: BlockCounter, start: int, stop: int) -> CountedBlock | None:
    """Return what was counted; None where the requests must be counted in order."""
    try:
        return counter.count(start, stop)
    except (NeedsOrderError, ExperimentError, EstimatorError, ProvidersError):
        return None
