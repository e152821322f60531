"""Records of chunks: attempts that are sent together, as a batch, and what became of that.

A chunk is told of by entries of kind `batch`, each of which says all that is known of it; the
newest one counts. Its attempts are reserved in the transaction of the first of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pricing.money import Money
from runner.ledger.records import Attempt

# How the names of chunks begin: in the notes of reservations, and where money is allocated to one.
CHUNK_MARK = "afc-"


class ChunkState(StrEnum):
    """What is known of a chunk."""

    INTENDED = "intended"  # its money is reserved, and nothing of it is sent
    UPLOADED = "uploaded"  # its lines are at the provider, which is asked for nothing yet
    CREATING = "creating"  # the provider may have been asked for it; the answer is not known
    CREATED = "created"  # the provider works on it
    ENDED = "ended"  # each of its attempts is settled, released or held


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkNote:
    """All that is known of a chunk, as the note of its entry says it.

    Attributes:
        chunk: its name, which no other chunk has.
        state: of it.
        model: as the experiment writes it; all of a chunk is of one.
        stage: what its requests are for; all of a chunk are for the same.
        work: the digest of the work that it is a part of.
        first: the number of the entry that reserved its first attempt; the others follow it.
        lines: requests that are sent.
        tokens: of their prompts, at most.
        intended_at: when it was reserved, in ISO form.
        attempts: those that are reserved; more where a request asks for several votes.
        reserved: for all of them, in pico-dollars.
        file: what the provider calls its lines, where they are sent as a file.
        batch: what the provider calls it.
        status: of it, in the provider's word.
        succeeded, failed: of its lines, as the provider tells; None while it does not.
        asked_at: when the provider was last asked for it, in ISO form.
        key_mark: a mark of the key that it was asked for with, which does not tell it.
        price: that it was reserved and is settled by, as `runner.batches` writes it; None once it
            has ended, and of chunks of earlier versions.
        window: hours in which the provider does it, or gives it up; None where that is not known.
        fetches: how often results were read that were not whole.
        waited: seconds that were waited for what does not come, as `runner.batches` counts them.
        waited_here, waited_there: until when, by this machine's clock and by the provider's.
        settled, released, held: what became of its attempts, once it has ended.
        is_queue_full: it was refused because too many tokens wait at its provider.
        problem: what went wrong, in words.
    """

    chunk: str
    state: ChunkState = ChunkState.INTENDED
    model: str
    stage: str
    work: str = ""
    first: int = 0
    lines: int = 0
    tokens: int = 0
    intended_at: str = ""
    attempts: int = 0
    reserved: int = 0
    file: str = ""
    batch: str = ""
    status: str = ""
    succeeded: int | None = None
    failed: int | None = None
    asked_at: str = ""
    key_mark: str = ""
    window: float | None = None
    price: Mapping[str, Any] | None = field(default=None, hash=False)
    fetches: int = 0
    waited: float = 0.0
    waited_here: str = ""
    waited_there: str = ""
    settled: int = 0
    released: int = 0
    held: int = 0
    is_queue_full: bool = False
    problem: str = ""

    @classmethod
    def from_text(cls, note: str) -> Self:
        """Read what `to_text` wrote; fields that are not known here are left out.

        Raises:
            ValueError: it is not such a note.
        """
        found = json.loads(note)
        if not isinstance(found, dict):
            raise TypeError(f"expected an object: {note[:80]}")
        own = {each.name for each in fields(cls)}
        known = {name: value for name, value in found.items() if name in own}
        return cls(**known | {"state": ChunkState(known["state"])})

    def to_text(self) -> str:
        """Return it as JSON, without what is not known."""
        told = {
            name: value for name, value in asdict(self).items() if value not in ("", None, False)
        }
        return json.dumps(told, ensure_ascii=False)

    @property
    def is_open(self) -> bool:
        """Whether its attempts may still be answered."""
        return self.state is not ChunkState.ENDED

    @property
    def is_unsent(self) -> bool:
        """Whether its provider was certainly not asked for it."""
        return self.state in (ChunkState.INTENDED, ChunkState.UPLOADED)

    @property
    def due(self) -> datetime | None:
        """When the provider gives it up at the latest; None where that is not known."""
        if not self.asked_at or self.window is None:
            return None
        return datetime.fromisoformat(self.asked_at) + timedelta(hours=self.window)


@dataclass(frozen=True, slots=True)
class ChunkAttempt:
    """An attempt of a chunk.

    Attributes:
        line: the number of its line, from 0; votes that one request asks for share one.
        attempt: the record.
        reserved: for it.
        reserved_at: when, in ISO form.
    """

    line: int
    attempt: Attempt
    reserved: Money
    reserved_at: str


def name_reservation(chunk: str, line: int) -> str:
    """Return the note of the reservation of a line's attempts."""
    return f"{chunk} {line}"


def read_line(note: str) -> int:
    """Return the line that such a note names; -1 where it is another note."""
    chunk, _, line = note.partition(" ")
    return int(line) if chunk.startswith(CHUNK_MARK) and line.isdecimal() else -1


def read_chunk_name(note: str) -> str:
    """Return the chunk that such a note names; empty where it is another note."""
    chunk = note.partition(" ")[0]
    return chunk if chunk.startswith(CHUNK_MARK) else ""
