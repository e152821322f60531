"""Tallies: how many requests and tokens each stratum has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from estimator.counting.token_count import Exactness, TokenCount
from estimator.workload.planned_model import PlannedModel
from experiment.prompts.request import Request
from pricing.money import Money
from pricing.rates.rate_card import RateCard

Key = tuple[str, str, str]  # stage, model as written, condition


@dataclass(slots=True)
class Tally:
    """What a stratum's requests come to; prices have no part in it.

    Attributes:
        requests: how many.
        input_tokens: prompt tokens in all; for a judge, with empty answers.
        max_tokens: of each request.
        bounds: prompt tokens that a request may come to -> how many requests may.
        carried: subject stratum -> how many of its outputs these prompts carry; empty for subjects.
        uses: how often a judge's prompt holds the answer's output, and its reasoning.
    """

    requests: int = 0
    input_tokens: int = 0
    max_tokens: int = 0
    bounds: Counter[int] = field(default_factory=Counter)
    carried: dict[Key, int] = field(default_factory=dict)
    uses: tuple[int, int] = (0, 0)

    def ceiling(self, card: RateCard) -> Money:
        """Give the most that all requests can cost."""
        dearest = (
            card.ceiling(bound, self.max_tokens).pico * number
            for bound, number in self.bounds.items()
        )
        return Money(sum(dearest))


@dataclass(frozen=True, slots=True)
class Counted:
    """One request of the survey.

    Attributes:
        request: what would be sent; a judge's with an empty answer.
        count: its prompt.
        bound: prompt tokens that it may come to; a judge's with the longest answer.
        carries: the stratum of the answer that a judge's prompt will hold; None for a subject.
        carried_limit: the max_tokens of that answer.
        uses: how often it will hold the answer's output, and its reasoning.
    """

    request: Request
    count: TokenCount
    bound: int
    carries: Key | None = None
    carried_limit: int = 0
    uses: tuple[int, int] = (0, 0)

    @property
    def key(self) -> Key:
        """The request's stratum."""
        return (self.request.stage, self.request.model, self.request.condition)


@dataclass(frozen=True, slots=True)
class Survey:
    """The tallies of all strata, and a digest of all subject requests."""

    tallies: dict[Key, Tally]
    digest: str
    files: dict[str, str]


def is_exact(tally_key: Key, models: dict[str, PlannedModel]) -> Exactness:
    """Give the exactness of a stratum's input: a judge's rests on a forecast of the answers."""
    stage, model, _ = tally_key
    return models[model].tokenizer.exactness if stage == "subject" else Exactness.APPROXIMATE
