"""Asking providers for their own counts, before a survey; nothing is asked twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from estimator.count_cache import counts
from estimator.counting.provider_endpoint.client import CountEndpoint, endpoint_of
from estimator.counting.token_count import Exactness
from estimator.counting.tokenizer import Provided
from estimator.errors import CountFailed
from estimator.workload.planned_model import PlannedModel
from experiment.definition.experiment import Experiment
from experiment.prompts.request import Message
from experiment.prompts.request_builder import Requests
from providers.provider import Provider
from providers.registry import providers

Progress = Callable[[str, int, int], None]  # what is being done, how many are done, of how many


def asked(
    experiment: Experiment, models: dict[str, PlannedModel], count: str, progress: Progress
) -> tuple[dict[str, PlannedModel], list[str]]:
    """Have prompts counted by the providers that count for free.

    Args:
        experiment: what is measured.
        models: written name -> model.
        count: `provider` asks all that can be asked, and fails where one does; `auto` asks only for
            models whose tokenizer nobody else has, and goes on with a warning where one fails.
        progress: is called as answers come in.

    Returns:
        The models, with where they are counted, and warnings.

    Raises:
        CountFailed: a provider failed, or none can be asked.
    """
    known = providers(experiment.spec.providers)
    requests = Requests(experiment, lambda name: models[name].prefill)
    now, warnings = dict(models), []
    for written in experiment.spec.models:
        model = models[written]
        provider = known[model.name.provider]
        if count == "auto" and not _only_theirs(model, provider):
            continue
        counted = replace(model, counting=replace(model.counting, endpoint=provider.base_url))
        try:
            endpoint = endpoint_of(provider, model.name.id)
            if endpoint is not None:
                ask(requests, written, counted, endpoint, progress)
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


def _only_theirs(model: PlannedModel, provider: Provider) -> bool:
    approximate = model.tokenizer.exactness is Exactness.APPROXIMATE
    return provider.kind == "anthropic" and approximate


def ask(
    requests: Requests,
    written: str,
    model: PlannedModel,
    endpoint: CountEndpoint,
    progress: Progress,
) -> None:
    """Have every prompt of a model counted by its provider.

    Args:
        requests: builds the prompts; judges' are not asked for, as nobody knows their answers.
        written: the model's name in the experiment.
        model: with the endpoint in its counting.
        endpoint: counts.
        progress: is called as answers come in.

    Raises:
        CountFailed: what was counted until then is kept.
    """
    provided = model.tokenizer
    assert isinstance(provided, Provided)  # noqa: S101 - whoever calls has set the endpoint
    missing = dict.fromkeys(
        prompt
        for prompt in _prompts(requests, written)
        if counts().count(provided.key(prompt)) is None
    )
    done = 0

    def counted(prompt: tuple[Message, ...], tokens: int) -> None:
        nonlocal done
        done += 1
        counts().keep_count(provided.key(prompt), tokens)
        progress(f"counting at {model.name.provider}", done, len(missing))

    try:
        endpoint.count_all(missing, counted)
    finally:
        counts().flush()


def _prompts(requests: Requests, written: str) -> Iterator[tuple[Message, ...]]:
    for subject in requests.subjects():
        if subject.model == written:
            yield subject.messages
