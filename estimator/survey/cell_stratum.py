"""The stratum of a cell: what all of its requests have in common, and what they add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from estimator.counting import Exactness, TokenCount, adds_to_prompt, prepare_count
from estimator.workload import PlannedModel, StratumKey
from experiment.definition import Condition
from experiment.prompts import Message, RequestBuilder


class NeedsOrderError(Exception):
    """These requests must be counted one after another: one may be refused, and is to be named."""


class Cell(NamedTuple):
    """A model in a condition, with what its requests are counted by.

    Attributes:
        requests: builds them.
        models: written name -> planned model.
        occurrences: judge -> how often its prompt contains the output, and the reasoning.
        written: the model, as the experiment writes it.
        condition: of the cell.
        blanks: what is known of a block: (number of `find_blank_group`, query) -> the count.
    """

    requests: RequestBuilder
    models: Mapping[str, PlannedModel]
    occurrences: Mapping[str, tuple[int, int]]
    written: str
    condition: Condition
    blanks: dict[tuple[int, int], TokenCount]


@dataclass(frozen=True, slots=True)
class CellStratum:
    """What all requests of a stratum have in common.

    Attributes:
        key: of the stratum.
        model: that is asked.
        count: counts one of its prompts.
        max_tokens: of each answer.
        adds_fields: whether its fields may add to a prompt.
    """

    key: StratumKey
    model: PlannedModel
    count: Callable[[Sequence[Message]], TokenCount]
    max_tokens: int
    adds_fields: bool

    def check_prefill(self, prefill: str) -> None:
        """Check that a prefill does not end with white space that may be refused.

        Raises:
            NeedsOrderError: it does.
        """
        takes = self.model.takes
        if prefill[-1:].isspace() and not (takes is None or takes.prefill_space):
            raise NeedsOrderError

    def check_window(self, bounds: Sequence[int]) -> None:
        """Check that prompts of at most so many tokens fit with their answers.

        Raises:
            NeedsOrderError: one may not.
        """
        window = self.model.window
        if window is not None and max(bounds) + self.max_tokens > window:
            raise NeedsOrderError


def describe_stratum(cell: Cell, stage: str, model: str) -> CellStratum:
    """Return what all requests of a stratum have in common.

    Args:
        cell: of the stratum.
        stage: of it: the subject's, or a judge's.
        model: that is asked, as the experiment writes it.
    """
    key, planned = StratumKey(stage, model, cell.condition.name), cell.models[model]
    sampling = cell.requests.find_kind(*key).sampling
    count = prepare_count(planned.tokenizer, sampling)
    return CellStratum(key, planned, count, int(sampling["max_tokens"]), adds_to_prompt(sampling))


@dataclass(slots=True)
class PromptSum:
    """What is added up of a stratum: the tokens of its prompts, and a bound of each.

    Attributes:
        tokens: of all prompts.
        bounds: of each, in tokens.
        depending: how many are sent only if an answer says so.
        is_approximate: whether any was counted approximately.
    """

    tokens: int = 0
    bounds: list[int] = field(default_factory=list)
    depending: int = 0
    is_approximate: bool = False

    def add(self, count: TokenCount, more: int = 0) -> None:
        """Add a prompt that may have so many tokens more."""
        self.tokens += count.tokens
        self.bounds.append(count.bound + more)
        if count.exactness is Exactness.APPROXIMATE:
            self.is_approximate = True


def count_times(bounds: Sequence[int], times: int) -> Counter[int]:
    """Return how often each bound occurs where each is sent so many times."""
    counted = Counter(bounds) if times else Counter[int]()
    return counted if times <= 1 else Counter({n: many * times for n, many in counted.items()})
