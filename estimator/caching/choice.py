"""The choice of what is cached: each shared prefix in the cheapest way, or not at all.

Of a prefix that N requests begin with, one request each g seconds, a cache that keeps it for t
seconds after each use is written 1 + (N - 1) exp(-t / g) times: once, and again after each longer
gap, where requests come independently. Where a provider is asked to keep it for longer, a write
costs more; what costs least is chosen, and nothing is marked where that would cost more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from estimator.cached_prefix import CachedPrefix, name_write_class
from estimator.forecast import OutputLength, limit_of_use
from estimator.wall_time import find_speeds
from estimator.workload import PlannedModel, StratumKey
from experiment.definition import SUBJECT, Experiment, list_uses
from experiment.prompts import CacheMark, CacheTime
from pricing.catalog import CachingRule, find_caching_rule
from pricing.price_book import PriceBook
from pricing.rates import RateCard
from providers.registry import load_providers

if TYPE_CHECKING:  # it renders prompts, only where something is to be cached
    from estimator.caching.shared_prefixes import SharedPrefix

_KEPT: dict[CacheTime | None, float] = {"5m": 300.0, "1h": 3600.0, None: 300.0}  # seconds
_BATCH = ("processing", "batch")
_USUAL_CONCURRENCY = 10  # of a run; it decides only for how long prefixes are kept


@dataclass(frozen=True, slots=True)
class CachingChoice:
    """What of an experiment is cached.

    Attributes:
        models: written name -> model, with its cached prefixes.
        left_out: (stage, model as written) -> why nothing of it is cached.
    """

    models: dict[str, PlannedModel]
    left_out: dict[tuple[str, str], str]


def choose_caching(
    experiment: Experiment,
    models: dict[str, PlannedModel],
    lengths: Mapping[StratumKey, OutputLength],
    book: PriceBook,
    *,
    is_asked: bool = False,
) -> CachingChoice:
    """Choose which prefixes of an experiment's prompts are cached, and for how long.

    Args:
        experiment: with its `cache` rules.
        models: written name -> planned model.
        lengths: stratum -> expected output of one request, for the time that a run takes.
        book: knows the shortest prefix that is cached.
        is_asked: whether `cache: auto` is meant where the file says nothing.

    Raises:
        ExperimentError: a prompt cannot be rendered.
    """
    if is_asked:
        experiment = replace(experiment, spec=experiment.spec.model_copy(update={"cache": "auto"}))
    spec = experiment.spec
    uses = {(use.stage, use.model): None for use in list_uses(spec)}
    if all(spec.find_cache_rule(*use) == "off" for use in uses):
        return CachingChoice(models, {})
    from estimator.caching.shared_prefixes import find_shared_prefixes  # noqa: PLC0415 - as above

    seconds = _estimate_seconds(experiment, models, lengths)
    chooser = _Chooser(experiment, models, book, seconds)
    chosen: dict[str, list[CachedPrefix]] = {}
    reasons: dict[tuple[str, str], str] = {}
    for shared in find_shared_prefixes(experiment, models):
        found = chooser.choose(shared)
        if isinstance(found, str):
            reasons[shared.stage, shared.model] = found
        else:
            chosen.setdefault(shared.model, []).append(found)
    cached = {(each.stage, model) for model, own in chosen.items() for each in own}
    return CachingChoice(
        {n: replace(model, caching=tuple(chosen.get(n, ()))) for n, model in models.items()},
        {use: why for use, why in reasons.items() if use not in cached},
    )


class _Chooser:
    """Chooses for one prefix after the other.

    Args:
        experiment: what is measured.
        models: written name -> planned model.
        book: knows the shortest prefix that is cached.
        seconds: that a run is likely to take.
    """

    def __init__(
        self,
        experiment: Experiment,
        models: Mapping[str, PlannedModel],
        book: PriceBook,
        seconds: float,
    ) -> None:
        self._providers = load_providers(experiment.spec.providers)
        self._models, self._book, self._seconds = models, book, seconds

    def choose(self, shared: SharedPrefix) -> CachedPrefix | str:
        """Return how a prefix is cached, or why it is not."""
        model = self._models[shared.model]
        name, card = model.name, model.card
        rule = find_caching_rule(name.provider, name.id)
        if reason := self._find_obstacle(model, rule):
            return reason
        is_asked = rule.kind == "asked"
        messages = shared.messages
        count = model.tokenizer.count(list(messages)) if messages else None
        tokens = count.tokens if count else 0
        least = self._book.min_cached_tokens(name)
        if count is None or tokens < least:
            whole = " of whole messages" if is_asked else ""
            return f"they share {tokens:,} tokens{whole}; {name.provider} caches {least:,} or more"
        if is_asked and shared.precedes_system:
            return "a system message follows that differs between prompts"
        tokens = least + (tokens - least) // rule.step * rule.step
        times: tuple[CacheTime | None, ...] = ("5m", "1h") if is_asked else (None,)
        found = [
            CachedPrefix(
                shared.stage,
                shared.conditions,
                CacheMark(shared.key, len(messages) if keep else 0, keep, count.bound),
                tokens,
                self._find_written(shared.requests, _KEPT[keep]),
            )
            for keep in times
            if keep is None or _knows_write(card, keep)
        ]
        if not found:
            return f"no price for writing to its cache is known at {name.provider}"
        best = min(found, key=lambda each: each.extra_cost(card, tokens))
        if best.extra_cost(card, tokens) >= 0:
            return "writing what they share would cost more than reading it saves"
        return best

    def _find_obstacle(self, model: PlannedModel, rule: CachingRule) -> str:
        """Return why nothing of a model's prompts can be cached; empty where it can."""
        provider = model.name.provider
        if rule.kind == "none":
            return f"caching of this model is not known at {provider}"
        if model.card.cache_read is None:
            return f"no price for cached input is known at {provider}"
        if model.card.cache_read.price_at(1) >= model.card.input.price_at(1):
            batched = " in batches" * model.offer.is_batch
            return f"cached input costs no less than other input{batched} at {provider}"
        return self._find_obstacle_to_marks(model) if rule.kind == "asked" else ""

    def _find_obstacle_to_marks(self, model: PlannedModel) -> str:
        """Return why requests of a model cannot say what is to be cached; empty where they can."""
        provider = model.name.provider
        if _BATCH in model.offer.options:
            return (
                "the requests of a batch run side by side and do not see what others wrote, so "
                "each would pay for writing"
            )
        if not self._providers[provider].takes_cache_marks:
            return f"requests to {provider} cannot be marked"
        return ""

    def _find_written(self, requests: int, kept: float) -> float:
        """Return the share of so many requests that write a prefix which is kept so long."""
        gap = self._seconds / requests
        again = math.exp(-kept / gap) if gap > 0 else 0.0
        return (1 + (requests - 1) * again) / requests


def _knows_write(card: RateCard, keep: CacheTime) -> bool:
    name = name_write_class(card, CacheMark("", 0, keep, 0))
    return getattr(card, name) is not None


def _estimate_seconds(
    experiment: Experiment,
    models: Mapping[str, PlannedModel],
    lengths: Mapping[StratumKey, OutputLength],
) -> float:
    """Return about how long all requests take, with the usual number of them in flight."""
    speeds = find_speeds([str(model.name) for model in models.values()])
    spec, total = experiment.spec, 0.0
    for use in list_uses(spec):
        speed = speeds[str(models[use.model].name)]
        length = lengths[StratumKey(use.stage, use.model, use.condition.name)]
        answers = 1 if use.stage == SUBJECT else len(spec.models) * spec.samples
        tokens = min(length.mean, limit_of_use(spec, use))
        each = speed.first + speed.per_token * tokens
        total += len(experiment.queries) * use.samples * answers * each
    return total / _USUAL_CONCURRENCY
