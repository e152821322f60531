"""Pairing: each call of the first run with the one of the second that differs in the answers alone.

Calls may come in another order, as programs send them at once. What was sent again word for word is
found first. Of the others, those are pairs that share their rarest words; where all words are
common, those that came in the same order.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence

from estimator.recorded.recorded_call import RecordedCall
from providers.clients import ClientCall

_WORD = re.compile(r"\w+")
_RAREST = 12  # words of a call that vote
_WEIGHT = 1_000  # of a word that no other call has
_MOST_VOTED_FOR = 64  # calls that a word may stand in, so that thousands take seconds

ReadCalls = Sequence[tuple[RecordedCall, ClientCall]]


def pair_calls(first: ReadCalls, second: ReadCalls) -> list[int | None]:
    """Return, for each call of the first run, the place of its partner in the second.

    Args:
        first: its calls, in order of arrival, each as it was read.
        second: the same of the other run.
    """
    partners: list[int | None] = [None] * len(first)
    unsent: dict[object, deque[int]] = defaultdict(deque)
    for at, each in enumerate(second):
        unsent[_identify(*each)].append(at)
    for at, each in enumerate(first):
        if same := unsent.get(_identify(*each)):
            partners[at] = same.popleft()
    left = [at for same in unsent.values() for at in same]
    open_calls: dict[object, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for at in (at for at, partner in enumerate(partners) if partner is None):
        open_calls[_describe(*first[at])][0].append(at)
    for at in sorted(left):
        open_calls[_describe(*second[at])][1].append(at)
    for mine, theirs in open_calls.values():
        for one, other in _match([(at, first[at][1]) for at in mine],
                                 [(at, second[at][1]) for at in theirs]):  # fmt: skip
            partners[one] = other
    return partners


def _describe(recorded: RecordedCall, call: ClientCall) -> object:
    """Return what a pair has in common besides its texts."""
    roles = tuple(each.role for each in call.messages)
    return recorded.provider, recorded.api, recorded.model, recorded.label, roles


def _identify(recorded: RecordedCall, call: ClientCall) -> object:
    """Return what calls have in common that were sent word for word."""
    return _describe(recorded, call), call.messages, call.beside


def _match(
    mine: list[tuple[int, ClientCall]], theirs: list[tuple[int, ClientCall]]
) -> list[tuple[int, int]]:
    """Return pairs of places, those that share most first."""
    ranks = {at: rank for rank, (at, _) in enumerate(theirs)}
    holders: dict[str, list[int]] = defaultdict(list)
    for at, call in theirs:
        for word in _list_words(call):
            holders[word].append(at)
    votes: list[tuple[int, int, int, int]] = []
    for rank, (at, call) in enumerate(mine):
        counted = _count_votes(call, holders)
        votes += ((-n, abs(rank - ranks[other]), at, other) for other, n in counted.items())
    pairs, taken = dict[int, int](), set[int]()
    for _, _, at, other in sorted(votes):
        if at not in pairs and other not in taken:
            pairs[at] = other
            taken.add(other)
    rest = (at for at, _ in theirs if at not in taken)
    alone = (at for at, _ in mine if at not in pairs)
    return [*pairs.items(), *zip(alone, rest, strict=False)]


def _count_votes(call: ClientCall, holders: Mapping[str, Sequence[int]]) -> Counter[int]:
    """Return how much a call's rarest words speak for each call that has them, too."""
    shared = sorted((len(holders[word]), word) for word in _list_words(call) if word in holders)
    counted = Counter[int]()
    for number, word in shared[:_RAREST]:
        counted.update(dict.fromkeys(holders[word][:_MOST_VOTED_FOR], 1 + _WEIGHT // number))
    return counted


def _list_words(call: ClientCall) -> set[str]:
    return set(_WORD.findall("\n".join((*(each.content for each in call.messages), *call.beside))))
