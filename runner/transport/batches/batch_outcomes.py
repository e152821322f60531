"""Outcomes of what is done about a batch, and of each of its lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from providers.batches import LineEnd, RemoteBatch
from providers.failures import Failure
from runner.transport.outcome import Outcome


@dataclass(frozen=True, slots=True)
class WrittenLines:
    """The file of a chunk's lines, as its provider takes them.

    Attributes:
        path: where it is.
        lines: how many it has.
        size: of it, in bytes.
    """

    path: Path
    lines: int
    size: int


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file is at the provider; `file_id` is its id there."""

    file_id: str


@dataclass(frozen=True, slots=True)
class Found:
    """What looking for a batch found whose creation was not answered.

    Attributes:
        batch: the chunk's batch; None where there is none, or none that is known to be its.
        is_sure: whether `batch` is the whole truth. None and sure: it does not exist now, but where
            it was asked for a short while ago it may still appear. None and not sure: look again.
        why: for a person, where it is not sure.
        failure: of the request that looked, where that failed.
    """

    batch: RemoteBatch | None
    is_sure: bool
    why: str = ""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class FetchedResults:
    """Results of a batch, whole on disk.

    Attributes:
        path: of the file that `read_results` reads.
        size: of it, in bytes.
        lines: how many results it has.
        is_whole: whether it has as many as the provider says that succeeded.
    """

    path: Path
    size: int
    lines: int
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of one line of a batch.

    Attributes:
        custom_id: of the line.
        outcome: as of a call, with the tier that the provider names (`batch` at Anthropic); or how
            it ended without having been done, which is not billed.
    """

    custom_id: str
    outcome: Outcome | LineEnd


@dataclass(frozen=True, slots=True)
class BadLine:
    """A result that cannot be read, or that belongs to no line of ours.

    Attributes:
        number: of the line in the file of results, from 1.
        problem: in plain words, without keys.
        custom_id: where it has one.
    """

    number: int
    problem: str
    custom_id: str = ""
