"""Shared prefixes: the text that prompts begin with in common, and what caching it can save.

A provider that caches prefixes bills repeated ones at a lower price, so prompts that share a system
prompt may cost less. Of a quote the saving is stated as the most that it can be; what a plan with
`cache: auto` expects is found by `estimator.caching`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from estimator.caching import PromptPrefix, find_common_prefix
from estimator.workload import PlannedModel, StratumKey, make_request_builder
from experiment.definition import SUBJECT, Experiment
from pricing.catalog import ModelName, find_caching_rule
from pricing.price_book import PriceBook
from pricing.rates import RateCard
from providers.registry import builtin_providers

_QUERY_A, _QUERY_B = "\ue003", "\ue004"  # two queries that begin differently


@dataclass(frozen=True, slots=True)
class CacheSaving:
    """The most that caching the shared prefixes of a model's subject requests can save.

    Attributes:
        dollars: in US dollars; 0 where nothing can be saved.
        reason: why nothing is saved, for a person; empty where something is.
        opt_in: whether requests must ask for it, as they do with `cache: auto`.
    """

    dollars: float
    reason: str = ""
    opt_in: bool = False


def find_shared_prefixes(
    experiment: Experiment, models: dict[str, PlannedModel], requests: dict[StratumKey, int]
) -> dict[str, Counter[PromptPrefix]]:
    """Return, by subject model, the prefixes that its prompts share, with their counts.

    Each condition's messages are rendered with two queries that differ from their first character;
    the common beginning is shared by all queries. Conditions may share a prefix as well.

    Args:
        experiment: what is measured.
        models: written name -> model.
        requests: stratum -> number of requests.
    """
    two = replace(experiment, queries=(_QUERY_A, _QUERY_B))
    builder = make_request_builder(two, models)
    shared: dict[str, Counter[PromptPrefix]] = {name: Counter() for name in experiment.spec.models}
    for model, condition in builder.cells:
        one, other = (
            builder.build_subject_request(model, condition, at, 0).messages for at in (0, 1)
        )
        stratum = StratumKey(SUBJECT, model, condition.name)
        shared[model][find_common_prefix(one, other)] += requests[stratum]
    return shared


def estimate_cache_saving(
    shared: Counter[PromptPrefix],
    model: PlannedModel,
    name: ModelName,
    card: RateCard,
    book: PriceBook,
) -> CacheSaving:
    """Return the most that caching can save on a model's subject requests at a provider.

    The first request of each prefix pays for it in full, or for writing it; all others read it.

    Args:
        shared: prefix -> how many requests share it.
        model: counts the prefixes.
        name: the model at the provider in question.
        card: its price there.
        book: knows the shortest prefix that is cached.
    """
    caching, least = find_caching_rule(name.provider, name.id), book.min_cached_tokens(name)
    if caching.kind == "none":
        return CacheSaving(0, f"caching of this model is not known at {name.provider}")
    if caching.kind == "asked" and not _takes_marks(name.provider):
        return CacheSaving(0, f"{name.provider} caches only what is marked, and no marks are sent")
    if card.cache_read is None:
        return CacheSaving(0, f"no price for cached input is known at {name.provider}")
    opt_in, total, longest = caching.kind == "asked", 0.0, 0
    for whole, number in (_keep_markable(shared) if opt_in else shared).items():
        tokens = model.tokenizer.count(list(whole)).tokens if whole else 0
        longest = max(longest, tokens)
        if tokens >= least:
            total += _prefix_saving(tokens, number, card, opt_in=opt_in)
    if longest < least:
        return CacheSaving(
            0, f"the shared prefix has {longest:,} tokens; caching requires {least:,}"
        )
    if total <= 0:
        return CacheSaving(0, "writing the prefix costs more than reading it saves")
    return CacheSaving(total, opt_in=opt_in)


def _keep_markable(shared: Counter[PromptPrefix]) -> Counter[PromptPrefix]:
    """Return what can be marked of prefixes, whole messages; some of them are the same then."""
    found: Counter[PromptPrefix] = Counter()
    for prefix, number in shared.items():
        found[prefix[:-1] if prefix and prefix[-1].role == "user" else prefix] += number
    return found


def _takes_marks(provider: str) -> bool:
    """Return whether requests to a provider are marked, by its name."""
    known = builtin_providers().get(provider)
    return known is not None and known.takes_cache_marks


def _prefix_saving(tokens: int, request_count: int, card: RateCard, *, opt_in: bool) -> float:
    full, read = (
        float(card.rate_of_class(name).price_at(tokens)) for name in ("input", "cache_read")
    )
    write = (
        float(card.rate_of_class("cache_write").price_at(tokens))
        if opt_in or card.writes_unasked
        else full
    )
    return tokens * ((request_count - 1) * (full - read) - (write - full)) / 1e6
