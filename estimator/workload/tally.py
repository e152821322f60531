"""Tallies: how many requests and tokens each stratum has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from estimator.counting import Exactness, TokenCount
from estimator.workload.planned_model import PlannedModel
from experiment.definition import SUBJECT
from experiment.prompts import Message, Request
from pricing.money import Money
from pricing.rates import RateCard

# Called with what is being done, how many are done, and the total.
ProgressCallback = Callable[[str, int, int], None]


class StratumKey(NamedTuple):
    """What requests of one stratum have in common; the model as the experiment writes it."""

    stage: str
    model: str
    condition: str

    @classmethod
    def of_request(cls, request: Request) -> StratumKey:
        """Return the key of a request's stratum."""
        return cls(request.stage, request.model, request.condition)


@dataclass(slots=True)
class StratumTally:
    """The totals of a stratum's requests; independent of prices.

    Attributes:
        requests: how many.
        input_tokens: sum of the prompt tokens; a judge's with empty answers.
        max_tokens: of each request.
        bounds: bound on a prompt's tokens -> how many requests have it, further turns among them.
        judged_answers: subject stratum -> how many of its answers these prompts contain; empty for
            subjects.
        answer_occurrences: how often a judge's prompt contains the answer's output, and its
            reasoning.
        adds_fields: whether fields of the requests add what is only bounded, such as a schema.
        depending: how many of a judge's requests are sent only after some answers.
        joint_bounds: of a judge's votes that are asked for together with an earlier one: bound on
            the prompt's tokens, which that one is billed -> how many have it.
    """

    requests: int = 0
    input_tokens: int = 0
    max_tokens: int = 0
    bounds: Counter[int] = field(default_factory=Counter)
    judged_answers: dict[StratumKey, float] = field(default_factory=dict)
    answer_occurrences: tuple[int, int] = (0, 0)
    adds_fields: bool = False
    depending: int = 0
    joint_bounds: Counter[int] = field(default_factory=Counter)

    def add(self, more: StratumTally) -> None:
        """Add the totals of later requests of the same stratum."""
        self.requests += more.requests
        self.input_tokens += more.input_tokens
        self.max_tokens = more.max_tokens
        self.bounds.update(more.bounds)
        for key, number in more.judged_answers.items():
            self.judged_answers[key] = self.judged_answers.get(key, 0) + number
        self.answer_occurrences = more.answer_occurrences
        self.adds_fields = self.adds_fields or more.adds_fields
        self.depending += more.depending
        self.joint_bounds.update(more.joint_bounds)

    @property
    def sendings(self) -> int:
        """How often something is sent: votes that are asked for together are sent once."""
        return self.requests - self.joint_bounds.total()

    @property
    def max_output(self) -> int:
        """The most output tokens of all that is sent."""
        return self.max_tokens * (self.bounds.total() + self.joint_bounds.total())

    def ceiling(self, card: RateCard) -> Money:
        """Return the most that all requests can cost."""
        costs = (
            card.worst_case_cost(bound, self.max_tokens) * number
            for bound, number in self.bounds.items()
        )
        joint = (
            joint_vote_ceiling(card, bound, self.max_tokens) * number
            for bound, number in self.joint_bounds.items()
        )
        return sum((*costs, *joint), Money())


def joint_vote_ceiling(card: RateCard, bound: int, max_tokens: int) -> Money:
    """Return the most that one more vote can cost in a request whose prompt is billed already."""
    two = card.worst_case_cost(bound, 2 * max_tokens)
    return two - card.worst_case_cost(bound, max_tokens)


@dataclass(frozen=True, slots=True)
class CountedRequest:
    """One request with the token count of its prompt.

    Attributes:
        request: what would be sent; a judge's with an empty answer.
        count: of its prompt.
        bound: the most prompt tokens that it can have; a judge's with the longest answer.
        answer_stratum: the stratum of the answer that a judge's prompt will contain; None for a
            subject.
        answer_max_tokens: the max_tokens of that answer.
        answer_occurrences: how often the prompt will contain the answer's output, and its
            reasoning.
        turn_bounds: the most prompt tokens of its further turns, where its answer may go on.
        depends_on_answer: whether it is sent only after some answers, so that it may not be sent.
        is_joint: whether it is a vote that is asked for together with an earlier one, which is
            billed their prompt: `count` is 0, and `bound` that of the prompt.
        preview: returns its messages as a person reads them: a judge's with a placeholder for the
            answer.
    """

    request: Request
    count: TokenCount
    bound: int
    answer_stratum: StratumKey | None = None
    answer_max_tokens: int = 0
    answer_occurrences: tuple[int, int] = (0, 0)
    turn_bounds: tuple[int, ...] = ()
    depends_on_answer: bool = False
    is_joint: bool = False
    preview: Callable[[], Sequence[Message]] = field(default=tuple, compare=False)

    @property
    def bounds(self) -> tuple[int, ...]:
        """The most prompt tokens of each call that it may take."""
        return (self.bound, *self.turn_bounds)

    @property
    def stratum_key(self) -> StratumKey:
        """Return the key of the request's stratum."""
        return StratumKey.of_request(self.request)


@dataclass(frozen=True, slots=True)
class Workload:
    """All requests of an experiment, counted.

    Attributes:
        tallies: of each stratum.
        digest: of all subject requests.
        files: that were inserted, path -> sha256.
        repeats: which requests have the content of an earlier one, as of `RequestBuilder`.
    """

    tallies: dict[StratumKey, StratumTally]
    digest: str
    files: dict[str, str]
    repeats: dict[tuple[int, int], int] = field(default_factory=dict)


def order_tallies(
    tallies: Mapping[StratumKey, StratumTally], judges: Sequence[str]
) -> dict[StratumKey, StratumTally]:
    """Return the tallies with a condition's judges below its first subject, in the file's order.

    As they were counted, a judge that reads only some answers comes when it reads its first one.

    Args:
        tallies: as counted: of each stratum.
        judges: the judges' names, in the file's order.
    """
    places: dict[str, int] = {}
    for at, key in enumerate(tallies):
        if key.stage == SUBJECT:
            places.setdefault(key.condition, at)
    ranks = {name: rank for rank, name in enumerate(judges, start=1)}

    def find_place(item: tuple[int, StratumKey]) -> tuple[int, int]:
        at, key = item
        return (at, 0) if key.stage == SUBJECT else (places[key.condition], ranks[key.stage])

    return {key: tallies[key] for _, key in sorted(enumerate(tallies), key=find_place)}


def input_exactness(
    stratum_key: StratumKey, models: dict[str, PlannedModel], tally: StratumTally
) -> Exactness:
    """Return the exactness of a stratum's input; a judge's includes forecast answers."""
    if tally.judged_answers or tally.adds_fields:
        return Exactness.APPROXIMATE
    return models[stratum_key.model].tokenizer.exactness
