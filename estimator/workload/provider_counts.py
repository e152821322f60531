"""Get counts from the providers before requests are counted; each prompt is sent once."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from estimator.count_cache import default_cache
from estimator.counting import Exactness, ProviderCountedTokenizer
from estimator.counting.provider_endpoint import CountEndpoint, make_count_endpoint
from estimator.errors import CountFailed
from estimator.workload.planned_model import PlannedModel, make_request_builder
from estimator.workload.tally import ProgressCallback
from experiment.definition import Experiment
from experiment.prompts import Message, RequestBuilder
from providers.apis import find_count_api
from providers.key_rule import find_key_to_confirm, goes_as_built_in
from providers.provider import Provider, find_api_key
from providers.registry import load_providers


def with_provider_counts(
    experiment: Experiment,
    models: dict[str, PlannedModel],
    count: str,
    on_progress: ProgressCallback,
    trusted: Collection[str] = (),
) -> tuple[dict[str, PlannedModel], list[str]]:
    """Have prompts counted by the providers that count for free.

    Nothing is approved yet, so without the user's word only a built-in provider is asked, at its
    own address and with its own key: an experiment file may name any other.

    Args:
        experiment: what is measured.
        models: written name -> model.
        count: `provider` uses every count endpoint, and fails if one does; `auto` uses those of
            built-in providers for models whose tokenizer is not public, and warns if one fails.
        on_progress: called as counts arrive.
        trusted: `PROVIDER=VARIABLE`, for each key that the user trusts a provider with.

    Returns:
        The models, with where they are counted, and warnings.

    Raises:
        CountFailed: a provider failed, none has a usable count endpoint, or a key would go where
            the user has not trusted it to.
    """
    known = load_providers(experiment.spec.providers)
    if count == "provider":
        _refuse_untrusted(known, {models[name].name.provider for name in experiment.spec.models},
                          trusted)  # fmt: skip
    requests = make_request_builder(experiment, models)
    now = dict(models)
    warnings: list[str] = []
    for written in experiment.spec.models:
        model = models[written]
        provider = known[model.name.provider]
        if count == "auto" and not _may_ask_unasked(model, provider, warnings):
            continue
        counted = replace(model, counting=replace(model.counting, endpoint=provider.base_url))
        try:
            endpoint = make_count_endpoint(provider, model.name.id)
            if endpoint is not None:
                count_prompts(requests, written, counted, endpoint, on_progress)
                now[written] = counted
            elif count == "provider":
                warnings.append(f"{model.name} is counted locally: {_NO_ENDPOINT}")
        except CountFailed as error:
            if count == "provider":
                raise
            warnings.append(f"{error}; counted locally instead")
    if count == "provider" and now == models:
        raise CountFailed(f"--count provider: {'; '.join(warnings)}")
    return now, warnings


_NO_ENDPOINT = "its provider has no known count endpoint, or its key is not set"
_NOT_BUILT_IN = (
    "the experiment file says where its provider is or which key it gets, and nothing is sent "
    "there before an approval; to have it count all the same: --count provider"
)


def _refuse_untrusted(
    known: dict[str, Provider], used: Collection[str], trusted: Collection[str]
) -> None:
    """Refuse to send a key that must be confirmed, before anything is sent."""
    asked = [known[name] for name in sorted(used) if find_count_api(known[name]) is not None]
    keys = [(each, key) for each in asked if (key := find_key_to_confirm(each)) is not None]
    lines = [
        f"{key} would go to {each.name} at {each.base_url}; if it may:  --trust {each.name}={key}"
        for each, key in keys
        if f"{each.name}={key}" not in trusted
    ]
    if lines:
        raise CountFailed("--count provider: nothing was sent: " + "\n".join(lines))


def _may_ask_unasked(model: PlannedModel, provider: Provider, warnings: list[str]) -> bool:
    """Return whether `auto` asks a provider; add a warning where the experiment file keeps it."""
    if not _needs_provider(model, provider):
        return False
    if not goes_as_built_in(provider) and find_api_key(provider):
        warnings.append(f"{model.name} is counted locally: {_NOT_BUILT_IN}")
    return goes_as_built_in(provider)


def _needs_provider(model: PlannedModel, provider: Provider) -> bool:
    api, approximate = find_count_api(provider), model.tokenizer.exactness is Exactness.APPROXIMATE
    return api is not None and api.asked_by_default and approximate


def count_prompts(
    requests: RequestBuilder,
    model_name_as_written: str,
    model: PlannedModel,
    endpoint: CountEndpoint,
    on_progress: ProgressCallback,
) -> None:
    """Have every subject prompt of a model counted by its provider, and cache the counts.

    Args:
        requests: builds the prompts; judges' are not counted, as their answers are not known yet.
        model_name_as_written: the model's name in the experiment.
        model: with the endpoint in its counting.
        endpoint: counts the prompts.
        on_progress: called as counts arrive.

    Raises:
        CountFailed: the counts until then are cached.
    """
    provided = model.tokenizer
    assert isinstance(provided, ProviderCountedTokenizer)  # noqa: S101 - it has an endpoint
    missing = dict.fromkeys(
        prompt
        for prompt in _subject_prompts(requests, model_name_as_written)
        if default_cache().get_count(provided.cache_key(prompt)) is None
    )
    done = 0

    def store_count(prompt: tuple[Message, ...], tokens: int) -> None:
        nonlocal done
        done += 1
        default_cache().put_count(provided.cache_key(prompt), tokens)
        on_progress(f"counting at {model.name.provider}", done, len(missing))

    try:
        endpoint.count_all(missing, store_count)
    finally:
        default_cache().flush()


def _subject_prompts(
    requests: RequestBuilder, model_name_as_written: str
) -> Iterator[tuple[Message, ...]]:
    for subject in requests.all_subject_requests():
        if subject.model == model_name_as_written:
            yield subject.messages
