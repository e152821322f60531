"""Kind counts: how many answers of each kind there are, and why results are missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from experiment.analysis.observation import Observation
from experiment.definition import PROXY
from experiment.scoring import AnswerKind


@dataclass(frozen=True, slots=True)
class KindCount:
    """The answers of one model in one condition, or of all of them.

    Attributes:
        model: as the experiment writes it; empty for all.
        condition: its name; empty for all.
        kinds: kind -> how many answers are of it, also those of which there are none.
        cut: how many of the texts are cut at `max_tokens`.
        missing: why there is no result -> of how many answers; only reasons that occur.
    """

    model: str
    condition: str
    kinds: dict[str, int]
    cut: int
    missing: dict[str, int]

    @property
    def answers(self) -> int:
        """How many answers there are, of any kind."""
        return sum(self.kinds.values())

    @property
    def no_result(self) -> int:
        """How many answers have no result, for whatever reason."""
        return sum(self.missing.values())


def count_kinds(
    observations: Iterable[Observation], *, measure: str, model: str = "", condition: str = ""
) -> KindCount:
    """Count the kinds of answers, and the reasons why results are missing.

    Args:
        observations: to count.
        measure: a judge's name, or `proxy`.
        model: that they are of; empty for all.
        condition: that they are of; empty for all.
    """
    seen = list(observations)
    found = Counter(each.kind for each in seen)
    return KindCount(
        model,
        condition,
        kinds={kind.value: found[kind] for kind in AnswerKind},
        cut=sum(each.is_cut and each.kind is AnswerKind.TEXT for each in seen),
        missing=count_missing(seen, measure=measure),
    )


def count_missing(observations: Iterable[Observation], *, measure: str) -> dict[str, int]:
    """Count why results are missing: the kind of the answer, or that of an unreadable verdict.

    Args:
        observations: of which those with a result, or that others stand for, are left out.
        measure: a judge's name, or `proxy`.
    """
    missing = [each for each in observations if each.is_missing(measure)]
    found = Counter(_explain_missing(each, measure=measure) for each in missing)
    kinds = [kind.value for kind in AnswerKind if kind.value in found]
    return {reason: found[reason] for reason in [*kinds, *sorted(found.keys() - set(kinds))]}


def _explain_missing(observation: Observation, *, measure: str) -> str:
    by_proxy = measure == PROXY
    if not by_proxy and (unreadable := observation.reading(measure).unreadable):
        return f"unreadable verdict: {unreadable}"
    if observation.kind is not AnswerKind.TEXT:
        return observation.kind.value
    return "no tag" if by_proxy else "no verdict"
