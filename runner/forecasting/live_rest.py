"""The rest of a run: which requests of a plan are still to be answered, by stratum and query.

A model that a sequential test has stopped is asked nothing more, and neither are judges about its
answers; what of it is in flight is still paid.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from estimator.forecast import CostRange, LengthShape
from estimator.workload import StratumKey
from experiment.definition import SUBJECT

_READ_WEIGHT = 10.0  # how many answers the planned share that a judge reads counts as

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LiveStratum:
    """A stratum of the plan.

    Attributes:
        wanted: how many requests of each query the plan has, at most; shape (P,).
        shape: of its kind of answer.
        known: what a call costs that is known before it is sent, in US dollars.
        before: what all of it was forecast to cost before the run.
        judges: of a judge that reads only some answers, the strata of these; else none.
        votes: of a judge, how many requests each answer that it reads takes.
        read_share: of such a judge, the share of the answers that it was planned to read.
    """

    wanted: Floats
    shape: LengthShape
    known: float
    before: CostRange
    judges: tuple[StratumKey, ...] = ()
    votes: int = 1
    read_share: float = 1.0


def find_rest(
    strata: Mapping[StratumKey, LiveStratum],
    answered: Mapping[StratumKey, Floats],
    in_flight: Iterable[tuple[StratumKey, int]],
    stopped: Collection[str] = (),
) -> dict[StratumKey, Floats]:
    """Return how many requests of each query are left, on average, by stratum; shapes (P,).

    Args:
        strata: of the plan.
        answered: how many requests of each query are; shapes (P,).
        in_flight: the stratum and the query of each call in flight.
        stopped: models that are asked nothing more.
    """
    flying = {key: np.zeros(len(each.wanted)) for key, each in strata.items()}
    for key, query in in_flight:
        flying[key][query] += 1
    rest = _Rest(strata, answered, flying, frozenset(stopped))
    return {
        key: rest.of_subject(key) if key.stage == SUBJECT else rest.of_judge(key) for key in strata
    }


@dataclass(frozen=True, slots=True)
class _Rest:
    """What is left of each stratum; attributes as in `find_rest`."""

    strata: Mapping[StratumKey, LiveStratum]
    answered: Mapping[StratumKey, Floats]
    flying: Mapping[StratumKey, Floats]
    stopped: frozenset[str]

    def of_subject(self, key: StratumKey) -> Floats:
        return self.flying[key] if key.model in self.stopped else self._unanswered(key)

    def of_judge(self, key: StratumKey) -> Floats:
        stratum = self.strata[key]
        if stratum.judges:
            open_ = self._add_up(self.of_subject(each) for each in stratum.judges)
            share = self._find_read_share(key)
            return np.asarray(open_ * stratum.votes * share + self.flying[key])
        read = [k for k in self.strata if k.stage == SUBJECT and k.condition == key.condition]
        out = [each for each in read if each.model in self.stopped]
        if not out:
            return self._unanswered(key)
        if len(out) == len(read):
            return self.flying[key]  # other verdicts that are missing were given up
        unasked = self._add_up(self._unanswered(each) - self.of_subject(each) for each in out)
        left = self._unanswered(key) - unasked * stratum.votes
        return np.asarray(np.maximum(left, self.flying[key]))

    def _unanswered(self, key: StratumKey) -> Floats:
        return np.asarray(np.maximum(self.strata[key].wanted - self.answered[key], 0.0))

    def _add_up(self, parts: Iterable[Floats]) -> Floats:
        return np.asarray(sum(parts), dtype=np.float64)

    def _find_read_share(self, key: StratumKey) -> float:
        """Return which share of the answers a judge reads, by those so far and by its plan."""
        stratum = self.strata[key]
        answers = sum(float(self.answered[each].sum()) for each in stratum.judges)
        read = float(self.answered[key].sum()) / stratum.votes + _READ_WEIGHT * stratum.read_share
        return min(read / (answers + _READ_WEIGHT), 1.0)
