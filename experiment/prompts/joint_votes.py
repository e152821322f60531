"""Joint votes: a judge's votes on an answer that are asked for in one request.

They send the same, so one request can ask for several of them where the provider bills its prompt
once (`providers.capabilities.count_choices`). Each vote keeps its own id and its own place in the
ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from experiment.prompts.request import Request


def join_votes(votes: Sequence[Request]) -> Request:
    """Return the request that asks for votes together: the first of them, with so many choices."""
    return votes[0] if len(votes) == 1 else replace(votes[0], choices=len(votes))


def group_requests(
    requests: Iterable[Request], most: Callable[[Request], int]
) -> Iterator[tuple[Request, ...]]:
    """Yield requests in groups, each of which one request asks for.

    Args:
        requests: those of a judge about an answer stand one after the other.
        most: returns how many may be asked for together.
    """
    for _, together in groupby(requests, key=lambda each: (each.stage, each.subject or each.id)):
        votes = tuple(together)
        size = most(votes[0])
        yield from (votes[start : start + size] for start in range(0, len(votes), size))
