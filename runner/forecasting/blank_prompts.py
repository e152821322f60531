"""Blank prompts: how many tokens a judge's prompt has with an empty answer.

What is billed beyond that is the answer, which varies. Each prompt is rendered and counted once, up
to a number of them in a stratum; beyond it their mean is taken.
"""

from __future__ import annotations

from collections.abc import Mapping

from estimator.workload import PlannedModel, StratumKey
from experiment.prompts import RequestBuilder

_MOST_COUNTED = 1_000  # queries of a stratum


class BlankPrompts:
    """Counts the prompts of a run's judges with empty answers.

    Args:
        requests: of the plan.
        models: written name -> planned model.
        most: how many queries of a stratum are counted.
    """

    def __init__(
        self,
        requests: RequestBuilder,
        models: Mapping[str, PlannedModel],
        most: int = _MOST_COUNTED,
    ) -> None:
        self._requests = requests
        self._models = models
        self._most = most
        self._counted: dict[StratumKey, dict[int, int]] = {}
        self._sums: dict[StratumKey, int] = {}

    def count(self, key: StratumKey, query: int) -> float:
        """Return the tokens of a judge's blank prompt about an answer to a query."""
        counted = self._counted.setdefault(key, {})
        if query not in counted:
            if len(counted) >= self._most:
                return self._sums[key] / len(counted)
            counted[query] = self._count_now(key, query)
            self._sums[key] = self._sums.get(key, 0) + counted[query]
        return counted[query]

    def mean(self, key: StratumKey) -> float:
        """Return the mean of those that were counted; of the first query where none was."""
        if not self._counted.get(key):
            return self.count(key, 0)
        return self._sums[key] / len(self._counted[key])

    def _count_now(self, key: StratumKey, query: int) -> int:
        model, condition = self._requests.cells[0][0], self._requests.find_condition(key.condition)
        subject = self._requests.build_subject_request(model, condition, query, sample=0)
        judges = self._requests.build_judge_requests(subject, None)
        request = next((each for each in judges if each.stage == key.stage), None)
        return 0 if request is None else self._models[key.model].count_request(request).tokens
