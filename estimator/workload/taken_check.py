"""Taken check: whether every request would be accepted, found before anything is approved.

What each use of a model sends is built here as it will be sent, by the model's record. All problems
of all models are told together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from estimator.workload.planned_model import PlannedModel
from estimator.workload.written_prefills import WrittenPrefills
from experiment.definition import SUBJECT, Experiment, Use, list_uses
from experiment.prompts import Request
from providers.capabilities import SentFields, build_sent_fields, cite
from providers.errors import NotTaken
from providers.provider import Provider
from providers.registry import load_providers

_MOST_PROBLEMS = 20
_MOST_CONDITIONS = 3
# How problems begin that are of no field.
_NOT_SAMPLING = ("the prefill", "it is served by", "it does not answer", "its messages")
# APIs that take the system's text apart from the turns, of which there must be one. A prompt of the
# system's alone is a 400 there: Helicone/helicone#5257.
_APART = ("anthropic", "google")


@dataclass(frozen=True, slots=True)
class SentUse:
    """What the requests of a stage of a model send, in the conditions that send the same.

    Attributes:
        stage: `subject`, or a judge's name.
        model: the model's name as the experiment writes it.
        conditions: names of the cells; empty where it is the same in all of them.
        fields: of the body, besides the model, the prompt and what the provider's row adds.
        changes: what is left out, renamed or translated of the experiment's, in words.
        has_prefill: whether a final assistant message is sent, from which the model continues.
    """

    stage: str
    model: str
    conditions: tuple[str, ...]
    fields: dict[str, Any]
    changes: tuple[str, ...]
    has_prefill: bool = False


def list_sent_uses(experiment: Experiment, models: Mapping[str, PlannedModel]) -> list[SentUse]:
    """Return what every use of a model sends, in the order of the experiment.

    A prefill is checked as it is for the first query; `check_prefill` checks the others.

    Raises:
        NotTaken: a provider would refuse some of it; names every model, field and mend.
    """
    providers = load_providers(experiment.spec.providers)
    prefills = WrittenPrefills(experiment, models)
    found: list[SentUse] = []
    built: dict[str, SentFields] = {}
    problems: list[tuple[Use, str]] = []
    for use in list_uses(experiment.spec):
        model = models[use.model]
        provider = providers[model.name.provider]
        if problem := _check_endpoint(provider, model) or _check_roles(experiment, provider, use):
            problems.append((use, problem))
            continue
        prefill = prefills.find_sent(use)
        key = repr((use.model, use.sampling, prefill))
        try:
            if key not in built:
                built[key] = build_sent_fields(model.capability, use.sampling, prefill=prefill)
            sent = built[key]
        except NotTaken as error:
            problems += [(use, problem) for problem in error.args]
        else:
            changes = (*sent.changes, *prefills.describe_left_out(use))
            names = (use.condition.name,)
            found.append(SentUse(use.stage, use.model, names, sent.fields, changes, bool(prefill)))
    if problems:
        raise NotTaken(*_describe_problems(experiment, models, problems))
    return _group_uses(found)


def check_prefill(request: Request, model: PlannedModel) -> None:
    """Check the prefill of a request.

    Raises:
        NotTaken: it ends with white space, and the provider would refuse that.
    """
    if model.takes is None or model.takes.prefill_space or not request.prefill[-1:].isspace():
        return
    try:
        build_sent_fields(model.takes, request.sampling, prefill=request.prefill)
    except NotTaken as error:
        where = f"{request.stage}, condition {request.condition}, query {request.query}"
        raise NotTaken(*(f"{model.name}: {each} ({where})" for each in error.args)) from error


def _check_endpoint(provider: Provider, model: PlannedModel) -> str:
    """Return why a model cannot be reached at its provider; empty where it can."""
    endpoint = model.capability.endpoint
    if endpoint == "none":
        return f"it does not answer chats there{cite(model.capability)}; choose another model"
    if not endpoint or not provider.endpoints or endpoint in provider.endpoints:
        return ""
    return (
        f"it is served by the {endpoint} API only{cite(model.capability)}, which afcost does not "
        f"speak at {provider.name}; choose another model or provider"
    )


def _check_roles(experiment: Experiment, provider: Provider, use: Use) -> str:
    """Return that a prompt is only the system's where that is refused; empty where it is not."""
    written = {SUBJECT: experiment.spec.messages}
    written |= {judge.name: judge.messages for judge in experiment.spec.judges}
    if provider.kind not in _APART or any(each.role != "system" for each in written[use.stage]):
        return ""
    return (
        f"its messages are all the system's, and {provider.name} takes a prompt only with a "
        "user's; give one the role user"
    )


def _describe_problems(
    experiment: Experiment,
    models: Mapping[str, PlannedModel],
    problems: Iterable[tuple[Use, str]],
) -> Iterator[str]:
    """Yield one line for each problem of a model, with the uses that have it."""
    uses: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for use, problem in problems:
        where = uses.setdefault((use.model, problem), [])
        where.append((use.stage, use.condition.name))
    every = len(list(experiment.conditions()))
    for number, ((written, problem), where) in enumerate(uses.items()):
        if number == _MOST_PROBLEMS:
            yield f"and {len(uses) - number} more"
            return
        place = "" if problem.startswith(_NOT_SAMPLING) else "sampling of "
        yield f"{models[written].name} ({place}{describe_uses(where, every)}): {problem}"


def describe_uses(uses: Iterable[tuple[str, str]], every: int) -> str:
    """Return stages and conditions in words, such as `subject, free/cot and 2 more`.

    Args:
        uses: pairs of a stage and a condition.
        every: how many conditions there are.
    """
    by_stage: dict[str, list[str]] = {}
    for stage, condition in uses:
        by_stage.setdefault(stage, []).append(condition)
    return "; ".join(
        stage if len(names) == every else f"{stage}, {_shorten(names)}"
        for stage, names in by_stage.items()
    )


def _shorten(names: list[str]) -> str:
    more = len(names) - _MOST_CONDITIONS
    return ", ".join(names[:_MOST_CONDITIONS]) + (f" and {more} more" if more > 0 else "")


def _group_uses(found: Iterable[SentUse]) -> list[SentUse]:
    """Put together the conditions of a stage of a model that send the same."""
    groups: dict[str, tuple[SentUse, list[str]]] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for use in found:
        counts[use.stage, use.model] += 1
        key = repr((use.stage, use.model, use.fields, use.changes, use.has_prefill))
        groups.setdefault(key, (use, []))[1].extend(use.conditions)
    return [
        replace(use, conditions=() if len(names) == counts[use.stage, use.model] else tuple(names))
        for use, names in groups.values()
    ]
