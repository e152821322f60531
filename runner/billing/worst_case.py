"""Worst-case cost of a request or of a whole job."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

from estimator.counting import TokenCount
from estimator.workload import (
    PlannedModel,
    count_answer_occurrences,
    judge_prompt_bound,
    list_turn_bounds,
)
from experiment.prompts import CacheMark, Request, RequestBuilder, join_votes
from pricing.money import Money
from providers.capabilities import repeats_prompt

_MOST_COSTS = 1024  # that are remembered


class WorstCaseCost:
    """Computes worst-case costs from the pinned rate cards.

    Args:
        requests: builds the judges' prompts.
        models: written name -> model with its pinned card.
        excess: written name -> by how many tokens its billed prompts exceeded our bound so far.
        repeats: written names of models that billed the prompt for each of several answers.
    """

    def __init__(
        self,
        requests: RequestBuilder,
        models: dict[str, PlannedModel],
        excess: Mapping[str, int],
        repeats: Collection[str] = (),
    ) -> None:
        self._requests = requests
        self._models = models
        self._excess = dict(excess)
        self._repeats = set(repeats)
        self._answer_occurrences = count_answer_occurrences(requests)
        self._counts: dict[str, TokenCount] = {}
        # A request is priced a few times until it is sent, and many have equally long prompts.
        self._cost_of = lru_cache(maxsize=_MOST_COSTS)(self._compute_cost)

    def count_prompt(self, request: Request) -> TokenCount:
        """Count a prompt's tokens, once for all attempts of its request."""
        count = self._counts.get(request.id)
        if count is None:
            count = self._counts[request.id] = self._models[request.model].count_request(request)
        return count

    def remember_count(self, request: Request, count: TokenCount) -> None:
        """Take a prompt's tokens as they were counted before, until they are forgotten."""
        self._counts[request.id] = count

    def of_request(self, request: Request) -> Money:
        """Return a request's worst-case cost, including any excess over our bound seen so far."""
        return self._price(request, self.count_prompt(request).bound)

    def _price(self, request: Request, bound: int) -> Money:
        """Return the worst-case cost of a request whose prompt has so many tokens at most."""
        prompt = bound + self._excess.get(request.model, 0)
        if request.model in self._repeats:
            prompt *= request.choices
        return self._cost_of(request.model, request.mark, prompt, request.max_output)

    def _compute_cost(self, model: str, mark: CacheMark | None, prompt: int, output: int) -> Money:
        return self._models[model].reserve_for(mark).worst_case_cost(prompt, output)

    def of_votes(self, votes: Sequence[Request]) -> list[Money]:
        """Return the worst-case cost of each of several votes that one request asks for.

        The first has the prompt's as well, or each its own where the model bills it for each; the
        sum is that of the request.
        """
        if len(votes) == votes[0].choices == 1:
            return [self.of_request(votes[0])]
        several = (replace(votes[0], choices=number) for number in range(1, len(votes) + 1))
        totals = [Money(), *map(self.of_request, several)]
        return [more - less for less, more in pairwise(totals)]

    def of_job(self, subject: Request, turn: Request | None = None) -> Money:
        """Return the worst-case cost of a subject's answer and its judges.

        Args:
            subject: the request of the first turn.
            turn: the one that is next, where the first is answered.
        """
        spec = self._requests.experiment.spec
        model, form = self._models[subject.model], spec.answer
        first = turn or subject
        total = self.of_request(first)
        if form.turns > 1:
            bounds = list_turn_bounds(self.count_prompt(subject), subject, model, form)
            excess = self._excess.get(subject.model, 0)
            for prompt in bounds[first.vote :]:
                most = prompt + excess
                total += self._cost_of(subject.model, subject.mark, most, subject.max_tokens)
        if not spec.judges:
            return total
        possible = self._requests.build_judge_requests(subject, None)
        for judge in map(join_votes, self._requests.group_requests(possible)):
            judge_model = self._models[judge.model]
            occurrences = max(self._answer_occurrences[judge.stage])
            count = self.count_prompt(judge)
            bound = judge_prompt_bound(count, occurrences, judge_model, subject, model, form.turns)
            total += self._price(judge, bound)
            self.forget_count(judge)
        return total

    def record_excess(self, request: Request, billed_prompt: int, answers: int = 1) -> None:
        """Record by how many tokens a billed prompt exceeded our bound.

        Args:
            request: that was answered.
            billed_prompt: tokens, in all.
            answers: that it was given; several may have been billed a prompt each.
        """
        count, model = self.count_prompt(request), request.model
        if repeats_prompt(count.tokens, billed_prompt, answers):
            self._repeats.add(model)
        excess = find_excess(count.tokens, count.bound, billed_prompt, answers)
        self._excess[model] = max(self._excess.get(model, 0), excess)

    def forget_count(self, request: Request) -> None:
        """Drop the cached count of a request that will not be sent again."""
        self._counts.pop(request.id, None)


def find_excess(counted: int, bound: int, billed: int, answers: int) -> int:
    """Return by how many tokens a prompt exceeds our bound, however often it was billed.

    Args:
        counted: tokens of the prompt.
        bound: the most that it was expected to have.
        billed: prompt tokens of the bill.
        answers: that one request gave.
    """
    times = answers if repeats_prompt(counted, billed, answers) else 1
    return max(0, -(-billed // times) - bound)
