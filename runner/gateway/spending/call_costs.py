"""What a program's calls may cost at most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from estimator.counting import TokenCount
from estimator.recorded import count_call
from estimator.workload import PlannedModel
from experiment.prompts import Request
from pricing.money import Money
from pricing.rates import RateCard
from providers.clients import ClientCall
from runner.billing import find_excess

_MOST_COSTS = 1024  # that are remembered


class CallCosts:
    """Counts calls and bounds their costs, by the prices of now.

    Args:
        models: name -> model; goes on to change.
    """

    def __init__(self, models: Mapping[str, PlannedModel]) -> None:
        self._models = models
        self._excess: dict[str, int] = {}
        self._counts: dict[str, TokenCount] = {}
        self._cost_of = lru_cache(maxsize=_MOST_COSTS)(self._compute_cost)

    def count(self, request: Request, call: ClientCall) -> None:
        """Count a call, until `forget_count` drops it."""
        self._counts[request.id] = count_call(self._models[request.model], call)

    def count_prompt(self, request: Request) -> TokenCount:
        """Return the tokens of a call that was counted."""
        return self._counts[request.id]

    def of_request(self, request: Request) -> Money:
        """Return the worst-case cost of a call, with the excess over our bound seen so far."""
        prompts = self._bound_prompts(request)
        return self._cost_of(self._find_card(request), prompts, request.max_output)

    def count_most(self, request: Request) -> int:
        """Return the tokens that a call may take, of its prompts and its answers, by that bound."""
        return self._bound_prompts(request) + request.max_output

    def _bound_prompts(self, request: Request) -> int:
        """Return how many tokens may be billed for a call's prompt, once for each answer."""
        excess = self._excess.get(request.model, 0)
        return (self._counts[request.id].bound + excess) * request.choices

    def _find_card(self, request: Request) -> RateCard:
        """Return the prices of now, with those of writing the prompt to a cache where it may be."""
        card = self._models[request.model].reserve
        if not request.sampling.get("cache_control"):
            return card
        return replace(card, writes_unasked=True)

    @staticmethod
    def _compute_cost(card: RateCard, prompt: int, output: int) -> Money:
        return card.worst_case_cost(prompt, output)

    def of_votes(self, votes: Sequence[Request]) -> list[Money]:
        """Return the worst-case cost of each attempt: a call is one, with all of its answers."""
        return [self.of_request(each) for each in votes]

    def record_excess(self, request: Request, billed_prompt: int, answers: int = 1) -> None:
        """Record by how many tokens a billed prompt exceeded our bound."""
        count, model = self._counts[request.id], request.model
        excess = find_excess(count.tokens, count.bound, billed_prompt, answers)
        self._excess[model] = max(self._excess.get(model, 0), excess)

    def forget_count(self, request: Request) -> None:
        """Drop the count of a call that will not be sent again."""
        self._counts.pop(request.id, None)
