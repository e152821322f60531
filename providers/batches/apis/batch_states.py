"""States of batches, in the words of all providers."""

from __future__ import annotations

import re
from dataclasses import replace

from providers.batches.remote_batch import BatchState, RemoteBatch

_PREFIX = re.compile("(batch|job)_state_")  # Google's
_ENDED = {"completed", "succeeded", "partially_succeeded", "success", "ended"}
_EXPIRED = {"expired", "timeout_exceeded"}
_CANCELLED = {"cancelled", "canceled"}
# Of OpenAI, by its code; the same in the words of others.
_QUEUE_FULL = re.compile(
    r"token_limit_exceeded|enqueued[\s_-]*token|(queue|enqueue)\w* .{0,40}limit", re.IGNORECASE
)


def judge_batch(told: RemoteBatch) -> RemoteBatch:
    """Return a batch with its state, by its own word for it and by what it has done.

    One that says it failed although lines succeeded, or results are there, has ended: those lines
    are billed. A word that is not known is work that goes on.
    """
    word = _PREFIX.sub("", told.status.lower())
    state = BatchState.ENDED if word in _ENDED | _EXPIRED | _CANCELLED else BatchState.WORKING
    if word == "failed":
        state = BatchState.ENDED if told.succeeded or told.results else BatchState.FAILED
    is_failed = state is BatchState.FAILED
    return replace(
        told,
        state=state,
        is_expired=told.is_expired or word in _EXPIRED,
        is_cancelled=told.is_cancelled or word in _CANCELLED,
        too_many_queued=is_failed and bool(_QUEUE_FULL.search(told.problem)),
        problem=told.problem or ("the provider does not say why" if is_failed else ""),
    )
