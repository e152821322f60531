"""Ceilings: the most that a request, or a whole job, can cost. Counts each prompt once."""

from __future__ import annotations

from estimator.counting.token_count import TokenCount
from estimator.workload.judge_prompts import judge_bound, uses_of_answer
from estimator.workload.planned_model import PlannedModel
from experiment.prompts.request import Request
from experiment.prompts.request_builder import Requests
from pricing.money import Money


class Ceilings:
    """Prices worst cases by the pinned cards.

    Args:
        requests: builds judges' prompts.
        models: written name -> model with its pinned card.
        excess: written name -> by how many tokens its billed prompts exceeded our bound so far.
    """

    def __init__(
        self, requests: Requests, models: dict[str, PlannedModel], excess: dict[str, int]
    ) -> None:
        self._requests = requests
        self._models = models
        self._excess = dict(excess)
        self._uses = uses_of_answer(requests, next(requests.subjects()))
        self._counts: dict[str, TokenCount] = {}

    def count(self, request: Request) -> TokenCount:
        """Count a prompt, once for all attempts of its request."""
        if request.id not in self._counts:
            tokenizer = self._models[request.model].tokenizer
            self._counts[request.id] = tokenizer.count(request.messages)
        return self._counts[request.id]

    def of(self, request: Request) -> Money:
        """Price a request at its dearest; what was billed above our bound before, may be again."""
        bound = self.count(request).bound + self._excess.get(request.model, 0)
        return self._models[request.model].reserve.ceiling(bound, request.max_tokens)

    def of_job(self, subject: Request) -> Money:
        """Price a subject request and its judges, whose prompts will hold its answer."""
        model, total = self._models[subject.model], self.of(subject)
        for judge in self._requests.judges(subject, None):
            reader, uses = self._models[judge.model], max(self._uses[judge.stage])
            bound = judge_bound(self.count(judge), uses, reader, subject, model)
            bound += self._excess.get(judge.model, 0)
            total += reader.reserve.ceiling(bound, judge.max_tokens)
            self.forget(judge)
        return total

    def learn(self, request: Request, billed_prompt: int) -> None:
        """Remember by how much a billed prompt exceeded our bound."""
        excess = billed_prompt - self.count(request).bound
        self._excess[request.model] = max(self._excess.get(request.model, 0), excess)

    def forget(self, request: Request) -> None:
        """Forget the count of a request that is not sent again."""
        self._counts.pop(request.id, None)
