"""What a plan says of its caching: what is marked, what that saves, and why the rest is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from estimator.cached_prefix import CachedPrefix, index_prefixes
from estimator.caching.choice import CachingChoice
from estimator.forecast import Stratum
from estimator.workload import PlannedModel
from experiment.definition import SUBJECT

CACHE_NOTE = "cache: "  # what each begins with
_WORDS = {"5m": "marked to be kept for five minutes", "1h": "marked to be kept for an hour"}


def list_caching_notes(choice: CachingChoice, strata: Sequence[Stratum]) -> Iterator[str]:
    """Yield what is cached of each stage of a model, and why nothing is of another.

    Args:
        choice: of what is cached.
        strata: the forecast with it.
    """
    prefixes = index_prefixes(choice.models)
    groups: dict[tuple[str, str], list[Stratum]] = {}
    for stratum in strata:
        if stratum.key in prefixes:
            groups.setdefault((stratum.stage, stratum.model), []).append(stratum)
    for (stage, written), own in groups.items():
        yield f"{_name(choice.models, stage, written)}: {_describe(own, choice.models[written])}"
    for (stage, written), why in choice.left_out.items():
        yield f"{_name(choice.models, stage, written)} not cached: {why}"


def _name(models: Mapping[str, PlannedModel], stage: str, written: str) -> str:
    of = "" if stage == SUBJECT else f" of judge {stage}"
    return f"{CACHE_NOTE}prompts of {models[written].name}{of}"


def _describe(strata: Sequence[Stratum], model: PlannedModel) -> str:
    stage = strata[0].stage
    own = [prefix for prefix in model.caching if prefix.stage == stage]
    sizes = " and ".join(f"{tokens:,}" for tokens in sorted({each.tokens for each in own}))
    read, written = (
        sum(getattr(each, name) or 0 for each in strata) for name in ("cache_read", "cache_written")
    )
    saving = sum(each.cache_saving or 0.0 for each in strata)
    expected = f"{written:,} tokens are expected to be written and {read:,} to be read"
    return (
        f"the first {sizes} tokens, which they share, are {_how(own[0])}; {expected}, which saves "
        f"about ${saving:,.2f}{_limit(own[0])}"
    )


def _how(prefix: CachedPrefix) -> str:
    return _WORDS[prefix.mark.keep] if prefix.mark.keep else "cached by the provider unasked"


def _limit(prefix: CachedPrefix) -> str:
    if prefix.mark.keep:
        return ". The ceiling takes all of them to be written"
    return "; it does not promise that, so the upper end of the range is without"
