"""Chunks: what is sent as one batch, and by what it is found again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ChunkToSend:
    """A batch that is to be sent, or of which it is not known whether it was created.

    Attributes:
        id: its name, see `name_chunk`; it is the batch's display name where there is one.
        path: the file that its lines were written to; it need not be there to find the batch.
        lines: how many it has.
        intended_at: when it was reserved, before anything was sent, in UTC: no batch that is older
            can be this one.
        sent_at: when its creation was last sent, in UTC, written durably before that; None where it
            was not sent.
        file_id: of its file at the provider, once that was uploaded; empty before, and where the
            lines are sent with the creation.
        labels: what its metadata says, where there is any: the run, the plan's digest. Up to 14
            names of up to 64 characters, with values of up to 512.
        other_batches: ids of batches that are known to be other chunks.
        key_mark: of the key that its creation was sent with (`BatchTransport.mark_key`); empty
            where it is not known.
        window: how long it may take, as the provider writes it; empty for its own default.
    """

    id: str
    path: Path
    lines: int
    intended_at: datetime
    sent_at: datetime | None = None
    file_id: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    other_batches: frozenset[str] = frozenset()
    key_mark: str = ""
    window: str = ""
