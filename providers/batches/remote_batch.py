"""A batch as its provider tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class BatchState(StrEnum):
    """What can be done about a batch."""

    WORKING = "working"  # it may still answer, and bill
    ENDED = "ended"  # nothing more happens to it; its results are there, also of a part of it
    FAILED = "failed"  # it was refused as a whole: no line was done, and nothing is billed


@dataclass(frozen=True, slots=True)
class RemoteBatch:
    """A batch as its provider tells of it.

    Attributes:
        id: the provider's, by which it is asked for.
        state: what can be done about it. A word that is not known here is `WORKING`.
        status: the provider's own word for it.
        is_expired: it ran out of time; what was not done until then is not billed.
        is_cancelled: the same, for one that somebody ended.
        total, succeeded, failed: counts of lines; None where it tells none (yet).
        results: what is to be fetched: file ids or URLs; empty where all is in its own answer, and
            where there is nothing.
        created_at: when, by the provider's clock in UTC; None where it does not say.
        problem: what went wrong, in plain words; empty where nothing did.
        too_many_queued: it failed because too many tokens wait at the provider: a smaller one
            later may not.
        file_id: of the file that it was made of; empty without one.
        chunk: name of the chunk that its metadata or its display name says; empty without one.
    """

    id: str
    state: BatchState
    status: str
    is_expired: bool = False
    is_cancelled: bool = False
    total: int | None = None
    succeeded: int | None = None
    failed: int | None = None
    results: tuple[str, ...] = ()
    created_at: datetime | None = None
    problem: str = ""
    too_many_queued: bool = False
    file_id: str = ""
    chunk: str = ""
