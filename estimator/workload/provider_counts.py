"""Get counts from the providers before requests are counted; each prompt is sent once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from estimator.count_cache import default_cache
from estimator.counting import Exactness, ProviderCountedTokenizer
from estimator.counting.provider_endpoint import CountEndpoint, make_count_endpoint
from estimator.errors import CountFailed
from estimator.workload.planned_model import PlannedModel
from experiment.definition import Experiment
from experiment.prompts import Message, RequestBuilder
from providers.apis import find_count_api
from providers.provider import Provider
from providers.registry import load_providers

# Called with what is being done, how many are done, and the total.
ProgressCallback = Callable[[str, int, int], None]


def with_provider_counts(
    experiment: Experiment,
    models: dict[str, PlannedModel],
    count: str,
    on_progress: ProgressCallback,
) -> tuple[dict[str, PlannedModel], list[str]]:
    """Have prompts counted by the providers that count for free.

    Args:
        experiment: what is measured.
        models: written name -> model.
        count: `provider` uses every count endpoint, and fails if one does; `auto` uses them only
            for models whose tokenizer is not public, and warns if one fails.
        on_progress: called as counts arrive.

    Returns:
        The models, with where they are counted, and warnings.

    Raises:
        CountFailed: a provider failed, or none has a usable count endpoint.
    """
    known = load_providers(experiment.spec.providers)
    requests = RequestBuilder(experiment, lambda name: models[name].prefill)
    now, warnings = dict(models), []
    for written in experiment.spec.models:
        model = models[written]
        provider = known[model.name.provider]
        if count == "auto" and not _needs_provider(model, provider):
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
