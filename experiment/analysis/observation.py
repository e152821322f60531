"""Observations: one subject's answer each, as parsed and judged."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from experiment.definition import PROXY
from experiment.scoring import AnswerKind, JudgeReading

_UNREAD = JudgeReading(None)
_NO_READINGS: Mapping[str, JudgeReading] = MappingProxyType({})


class Observation(NamedTuple):  # one for each answer, and made in half the time of a dataclass
    """One subject's answer, as parsed and judged, or a request that failed.

    Attributes:
        model: the subject's written name.
        levels: factor -> level.
        query, sample: which answer it is.
        kind: what it is.
        accepted: the proxy (see `read_proxy`).
        readings: judge -> what it says of the answer.
        is_cut: whether it ends at `max_tokens`.
        request: the id of the request that it answers; empty where it is not known.
    """

    model: str
    levels: Mapping[str, str]
    query: int
    sample: int
    kind: AnswerKind
    accepted: bool | None
    readings: Mapping[str, JudgeReading] = _NO_READINGS
    is_cut: bool = False
    request: str = ""

    def reading(self, judge: str) -> JudgeReading:
        """Return what a judge says of it; of one that was not asked, nothing."""
        return self.readings.get(judge, _UNREAD)

    def value(self, measure: str) -> float | None:
        """Return what a measure says of it, from 0 to 1; None where that is missing.

        Args:
            measure: a judge's name, or `proxy`.
        """
        if measure == PROXY:
            return None if self.accepted is None else float(self.accepted)
        return self.readings.get(measure, _UNREAD).value

    def weight(self, measure: str) -> float:
        """Return for how many answers a measure lets it stand: 1, unless only some are read.

        Where a judge reads a random share p of some answers, one that was drawn stands for 1/p of
        them, and one that was not for none.

        Args:
            measure: a judge's name, or `proxy`.
        """
        return 1.0 if measure == PROXY else self.readings.get(measure, _UNREAD).weight

    def is_outside(self, measure: str) -> bool:
        """Return whether it is no part of what a measure measures, such as another condition.

        Args:
            measure: a judge's name, or `proxy`.
        """
        return measure != PROXY and self.readings.get(measure, _UNREAD).is_outside

    def is_missing(self, measure: str) -> bool:
        """Return whether a measure should have a result of it, and has none.

        Args:
            measure: a judge's name, or `proxy`.
        """
        if measure == PROXY:
            return self.accepted is None
        reading = self.readings.get(measure, _UNREAD)
        return reading.value is None and reading.weight > 0 and not reading.is_outside
