"""Shared prefixes: the messages that all prompts of a stage of a model begin with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import takewhile

from estimator.workload import PlannedModel, make_request_builder
from experiment.definition import SUBJECT, Experiment, Use, list_uses
from experiment.errors import ExperimentError
from experiment.prompts import Message, RequestBuilder, read_templates
from experiment.scoring import Answer
from pricing.catalog import find_caching_rule

_MOST_PROMPTS = 64  # of a use, that are compared; of more queries these are evenly spread
_MOST_OF_ALL = 8192  # of all uses together, but two of each
_ANSWERS = [Answer.of_text(each, each) for each in ("\ue003", "\ue004")]  # alike in nothing

PromptPrefix = tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class SharedPrefix:
    """What the prompts of a stage of a model begin with, in the conditions that share it.

    Attributes:
        stage: `subject`, or a judge's name.
        model: as the experiment writes it.
        conditions: in which prompts begin with it.
        messages: that they begin with. Where requests say what is to be cached they are whole;
            elsewhere the last one may be cut short.
        precedes_system: whether a system message follows that differs between prompts.
        requests: how many prompts begin with it, at most.
    """

    stage: str
    model: str
    conditions: tuple[str, ...]
    messages: PromptPrefix
    precedes_system: bool
    requests: int

    @property
    def key(self) -> str:
        """A digest of it, by which it is told from others."""
        text = json.dumps([self.stage, self.model, self.conditions, self.messages])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def find_shared_prefixes(
    experiment: Experiment, models: Mapping[str, PlannedModel]
) -> list[SharedPrefix]:
    """Return what prompts share that are to be cached, by stage and model.

    The prompts of up to 64 queries are compared, a judge's with two answers that have nothing in
    common. Requests that differ in their fields share nothing, as providers keep them apart.

    Args:
        experiment: what is measured.
        models: written name -> planned model.

    Raises:
        ExperimentError: a prompt cannot be rendered.
    """
    spec = experiment.spec
    templates = read_templates(experiment, limited=True)
    builder = make_request_builder(experiment, models, templates, repeats={})
    found: dict[object, list[tuple[Use, PromptPrefix, bool]]] = {}
    uses = [u for u in list_uses(spec) if spec.find_cache_rule(u.stage, u.model) == "auto"]
    most = max(2, min(_MOST_PROMPTS, _MOST_OF_ALL // max(len(uses), 1)))
    queries = _spread(len(experiment.queries), most)
    for use in uses:
        name = models[use.model].name
        is_marked = find_caching_rule(name.provider, name.id).kind == "asked"
        prefix, precedes_system = _find_prefix(builder, use, queries, is_whole=is_marked)
        key = (use.stage, use.model, repr(use.sampling), prefix, precedes_system)
        found.setdefault(key, []).append((use, prefix, precedes_system))
    return [_join_uses(builder, own) for own in found.values()]


def _join_uses(builder: RequestBuilder, uses: list[tuple[Use, PromptPrefix, bool]]) -> SharedPrefix:
    first, prefix, precedes_system = uses[0]
    spec = builder.experiment.spec
    each = first.samples
    if first.stage != SUBJECT:
        choices = builder.find_kind(first.stage, first.model, first.condition.name).choices
        each = -(-first.samples // choices) * len(spec.models) * spec.samples
    return SharedPrefix(
        first.stage,
        first.model,
        tuple(use.condition.name for use, *_ in uses),
        prefix,
        precedes_system,
        len(uses) * len(builder.experiment.queries) * each,
    )


def _find_prefix(
    builder: RequestBuilder, use: Use, queries: list[int], *, is_whole: bool
) -> tuple[PromptPrefix, bool]:
    """Return what the prompts of a use begin with, and whether a system message comes later.

    A message that the model itself is to continue is no part of it.
    """
    try:
        prompts = list(_render_prompts(builder, use, queries))
    except ExperimentError:
        if use.stage == SUBJECT:
            raise
        return (), False  # a template that takes no made-up answer
    prompts = [each[:-1] if each[-1].role == "assistant" else each for each in prompts]
    prefix = reduce(find_common_prefix, prompts)
    if is_whole:
        common = takewhile(lambda at: len({each[at] for each in prompts}) == 1, range(len(prefix)))
        prefix = prefix[: len(list(common))]
    return prefix, any(message.role == "system" for message in prompts[0][len(prefix) :])


def _render_prompts(
    builder: RequestBuilder, use: Use, queries: list[int]
) -> Iterator[PromptPrefix]:
    """Yield prompts of a use; of a judge about answers that are alike in nothing."""
    if use.stage == SUBJECT:
        for query in queries:
            yield builder.render_subject(use.model, use.condition, query)[0]
        return
    judge = next(each for each in builder.experiment.spec.judges if each.name == use.stage)
    for number, query in enumerate(queries if len(queries) > 1 else queries * 2):
        answer = _ANSWERS[number % len(_ANSWERS)]
        yield builder.render_verdict(judge, use.condition.name, query, answer)


def _spread(count: int, most: int) -> list[int]:
    """Return numbers below a count, evenly spread, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [at * (count - 1) // (most - 1) for at in range(most)]


def find_common_prefix(one: PromptPrefix, other: PromptPrefix) -> PromptPrefix:
    """Return the messages that two prompts begin with in common; the last may be cut short."""
    prefix: list[Message] = []
    for mine, theirs in zip(one, other, strict=False):
        if mine == theirs:
            prefix.append(mine)
            continue
        if mine.role == theirs.role and (alike := _common_beginning(mine.content, theirs.content)):
            prefix.append(Message(mine.role, alike))
        break
    return tuple(prefix)


def _common_beginning(one: str, other: str) -> str:
    pairs = zip(one, other, strict=False)
    return one[: sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))]
