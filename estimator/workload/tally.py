"""Tallies: how many requests and tokens each stratum has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from estimator.counting import Exactness, TokenCount
from estimator.workload.planned_model import PlannedModel
from experiment.prompts import Request
from pricing.money import Money
from pricing.rates import RateCard

StratumKey = tuple[str, str, str]  # stage, model as written, condition


@dataclass(slots=True)
class StratumTally:
    """The totals of a stratum's requests; independent of prices.

    Attributes:
        requests: how many.
        input_tokens: prompt tokens in all; for a judge, with empty answers.
        max_tokens: of each request.
        bounds: prompt tokens that a request may come to -> how many requests may.
        judged_answers: subject stratum -> how many of its outputs these prompts carry; empty for
            subjects.
        answer_occurrences: how often a judge's prompt holds the answer's output, and its reasoning.
    """

    requests: int = 0
    input_tokens: int = 0
    max_tokens: int = 0
    bounds: Counter[int] = field(default_factory=Counter)
    judged_answers: dict[StratumKey, int] = field(default_factory=dict)
    answer_occurrences: tuple[int, int] = (0, 0)

    def ceiling(self, card: RateCard) -> Money:
        """Return the most that all requests can cost."""
        dearest = (
            card.worst_case_cost(bound, self.max_tokens).pico * number
            for bound, number in self.bounds.items()
        )
        return Money(sum(dearest))


@dataclass(frozen=True, slots=True)
class CountedRequest:
    """One request with the token count of its prompt.

    Attributes:
        request: what would be sent; a judge's with an empty answer.
        count: its prompt.
        bound: prompt tokens that it may come to; a judge's with the longest answer.
        answer_stratum: the stratum of the answer that a judge's prompt will hold; None for a
            subject.
        answer_max_tokens: the max_tokens of that answer.
        answer_occurrences: how often it will hold the answer's output, and its reasoning.
    """

    request: Request
    count: TokenCount
    bound: int
    answer_stratum: StratumKey | None = None
    answer_max_tokens: int = 0
    answer_occurrences: tuple[int, int] = (0, 0)

    @property
    def stratum_key(self) -> StratumKey:
        """Return the key of the request's stratum."""
        return (self.request.stage, self.request.model, self.request.condition)


@dataclass(frozen=True, slots=True)
class Workload:
    """The tallies of all strata, and a digest of all subject requests."""

    tallies: dict[StratumKey, StratumTally]
    digest: str
    files: dict[str, str]


def input_exactness(stratum_key: StratumKey, models: dict[str, PlannedModel]) -> Exactness:
    """Return the exactness of a stratum's input; a judge's includes forecast answers."""
    stage, model, _ = stratum_key
    return models[model].tokenizer.exactness if stage == "subject" else Exactness.APPROXIMATE
