"""The sample of answers whose texts a page has where it cannot have all.

Balanced by model and condition, and the same each time: answers are ordered by a digest of the seed
and of their request. Those on which the measures disagree come first, because they are read most.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import zip_longest

from experiment.analysis import Observation
from experiment.scoring import AnswerKind

SAMPLE = 400  # answers


def choose_sample(
    observations: Iterable[Observation], measures: Sequence[str], seed: str
) -> list[str]:
    """Return a sample of at most `SAMPLE` answers, by the ids of their requests.

    Args:
        observations: of all of them.
        measures: those that may disagree about a text: judges, and `proxy`.
        seed: of the sample.
    """
    strata: dict[Hashable, list[tuple[bool, bytes, str]]] = {}
    for seen in observations:
        digest = hashlib.sha256(f"{seed} {seen.request}".encode()).digest()
        key = (not _is_disputed(seen, measures), digest, seen.request)
        strata.setdefault((seen.model, *seen.levels.items()), []).append(key)
    ordered = [[each for _, _, each in sorted(keys)] for keys in strata.values()]
    return [each for each, _ in zip(_take_turns(ordered), range(SAMPLE), strict=False)]


def _is_disputed(seen: Observation, measures: Sequence[str]) -> bool:
    """Return whether two measures of a text are on different sides of one half."""
    values = (seen.value(each) for each in measures)
    sides = {value > 1 / 2 for value in values if value is not None}
    return seen.kind is AnswerKind.TEXT and len(sides) > 1


def _take_turns(strata: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield one answer of each stratum, then a second one of each, until all are taken."""
    for row in zip_longest(*strata):
        yield from (each for each in row if each is not None)
