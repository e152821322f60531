"""What each request costs, told as it is counted."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from estimator.cached_prefix import index_prefixes
from estimator.forecast import History, OutputLength, find_read_share, price_request
from estimator.workload import CountedRequest, PlannedModel, StratumKey, joint_vote_ceiling
from pricing.money import Money

# Called with a request, its model, its likely cost in US dollars, and the most that it can cost.
RequestCallback = Callable[[CountedRequest, PlannedModel, float, Money], None]


def make_pricing_callback(
    on_request: RequestCallback,
    lengths: dict[StratumKey, OutputLength],
    models: dict[str, PlannedModel],
    history: History | None,
) -> Callable[[CountedRequest], None]:
    """Return a callback that prices each request; requests of the same size cost the same."""
    prefixes = index_prefixes(models)

    @lru_cache(maxsize=4096)
    def request_ceiling(key: StratumKey, bound: int, max_tokens: int, *, is_joint: bool) -> Money:
        prefix = prefixes.get(key)
        card = models[key.model].reserve_for(prefix.mark if prefix else None)
        if is_joint:
            return joint_vote_ceiling(card, bound, max_tokens)
        return card.worst_case_cost(bound, max_tokens)

    def price_and_report(counted: CountedRequest) -> None:
        request = counted.request
        key = counted.stratum_key
        likely = price_request(counted, lengths, models, prefixes.get(key))
        ceiling = sum(
            (
                request_ceiling(key, n, request.max_tokens, is_joint=counted.is_joint)
                for n in counted.bounds
            ),
            Money(),
        )
        if counted.depends_on_answer:
            likely *= find_read_share(key, models[request.model], history).at(None)
        on_request(counted, models[request.model], likely, ceiling)

    return price_and_report
