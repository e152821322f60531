"""History: billed calls of earlier runs, on which the forecast of another one may rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from estimator.workload import PlannedModel, StratumKey
from pricing.catalog import ModelName, canonical_id

Names = tuple[str, str, str, str]  # stage, provider, model, condition


class HistoryCall(NamedTuple):
    """One billed call.

    Attributes:
        query: its text, its number or what else tells it from others.
        output: billed output tokens.
        input: billed prompt tokens; 0 where that is not known, or where another vote was billed
            the prompt.
        limit: the `max_tokens` that it was sent with; 0 where that is not known.
        is_cut: whether it ended at that limit.
    """

    query: str
    output: int
    input: int = 0
    limit: int = 0
    is_cut: bool = False


@dataclass(frozen=True)
class History:
    """Billed calls of earlier runs.

    Attributes:
        calls: (stage, provider, model, condition) -> its calls.
        source: the file.
        read: (judge, provider, model, condition) -> how many answers the judge read.
        answers: condition -> how many answers of subjects there are; empty where the file does not
            say which vote a verdict is.
        has_numbers: whether a query is named by its number in the experiment, from 0.
        notes: what of the file does not count, in words.
    """

    calls: Mapping[Names, Sequence[HistoryCall]]
    source: str
    read: Mapping[Names, int] = field(default_factory=dict)
    answers: Mapping[str, int] = field(default_factory=dict)
    has_numbers: bool = False
    notes: tuple[str, ...] = ()

    @cached_property
    def by_query(self) -> dict[Names, list[float]]:
        """The mean output of each query in each stratum."""
        found = {}
        for names, calls in self.calls.items():
            outputs: dict[str, list[int]] = {}
            for call in calls:
                outputs.setdefault(call.query, []).append(call.output)
            found[names] = [sum(each) / len(each) for each in outputs.values()]
        return found

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What the queries are called, each once, in all strata."""
        return tuple(dict.fromkeys(c.query for calls in self.calls.values() for c in calls))

    def count_read(self, key: StratumKey, model: PlannedModel) -> tuple[int, int] | None:
        """Return how many answers a judge read in a condition, and how many there were.

        None where there were none, or where nothing is known of the judge.
        """
        known = {stage for stage, *_ in self.read}
        if key.stage not in known or not self.answers.get(key.condition):
            return None
        strata = ((key.stage, *each, key.condition) for each in _list_names(model.name))
        read = next((self.read[each] for each in strata if each in self.read), 0)
        return min(read, self.answers[key.condition]), self.answers[key.condition]

    def find_calls(self, key: StratumKey, model: ModelName) -> tuple[list[HistoryCall], bool]:
        """Return the calls of a stratum, and whether they are of another provider.

        The model matches by alias or by id; at another provider by what both call it without what
        hosts add. The plan's own provider comes first.
        """
        for provider, name in _list_names(model):
            if calls := self.calls.get((key.stage, provider, name, key.condition)):
                return list(calls), False
        elsewhere: list[HistoryCall] = []
        wanted = {canonical_id(model.id), canonical_id(model.short_name)}
        for (stage, _, name, condition), calls in self.calls.items():
            if (stage, condition) == (key.stage, key.condition) and canonical_id(name) in wanted:
                elsewhere += calls
        return elsewhere, True


def _list_names(model: ModelName) -> list[tuple[str, str]]:
    """Return the provider with each of the model's names."""
    return [(model.provider, name) for name in (model.short_name, model.id, str(model))]
