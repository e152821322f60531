"""Kinds of requests: what all requests of a stage, a model and a condition have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from experiment.definition import (
    SUBJECT,
    VERDICT_SCHEMA,
    Experiment,
    ExperimentSpec,
    MessageTemplate,
    list_uses,
)
from experiment.errors import BadExperiment
from experiment.prompts.request import CacheMark, Message


@dataclass(frozen=True, slots=True)
class RequestKind:
    """What all requests of a stage, a model and a condition have in common.

    Attributes:
        sampling: the fields of the requests.
        sampling_text: the same as JSON.
        takes_prefill: whether a final assistant message is sent.
        sent: what they send beside their messages, as a text that is a part of their ids.
        choices: how many answers one request may ask for at most.
        mark: the beginning that their prompts share; None where it is not to be cached.
    """

    sampling: dict[str, Any]
    sampling_text: str
    takes_prefill: bool
    sent: str
    choices: int = 1
    mark: CacheMark | None = None

    def sent_templates(self, templates: tuple[MessageTemplate, ...]) -> tuple[MessageTemplate, ...]:
        """Return the messages without a prefill that the model does not take."""
        if templates[-1].role == "assistant" and not self.takes_prefill:
            return templates[:-1]
        return templates


KindKey = tuple[str, str, str]  # stage, model, condition


def list_kinds(  # noqa: PLR0913 - what `RequestBuilder` is given
    spec: ExperimentSpec,
    takes_prefill: Callable[[str, Mapping[str, Any]], bool],
    choose_sampling: Callable[[str, Mapping[str, Any]], dict[str, Any]],
    identify: Callable[[str, Mapping[str, Any]], object],
    count_choices: Callable[[str, Mapping[str, Any]], int],
    marks: Mapping[KindKey, CacheMark],
) -> dict[KindKey, RequestKind]:
    """Return the kinds of an experiment's requests; the rest is as of `RequestBuilder`."""
    joins = {judge.name for judge in spec.judges if judge.one_request}
    return {
        (use.stage, use.model, use.condition.name): RequestKind(
            sampling,
            json.dumps(sampling, sort_keys=True),
            takes_prefill(use.model, sampling),
            json.dumps(identify(use.model, sampling), sort_keys=True, default=str),
            count_choices(use.model, sampling) if use.stage in joins else 1,
            marks.get((use.stage, use.model, use.condition.name)),
        )
        for use in list_uses(spec)
        for sampling in [choose_sampling(use.model, use.sampling)]
    }


def refuse_turns(experiment: Experiment, kinds: Mapping[KindKey, RequestKind]) -> None:
    """Refuse turns that continue a text with a model that takes none.

    Raises:
        BadExperiment: the experiment asks for some.
    """
    form = experiment.spec.answer
    if form.turns == 1 or form.go_on is not None:
        return
    for (stage, model, condition), kind in kinds.items():
        if stage == SUBJECT and not kind.takes_prefill:
            raise BadExperiment(
                f"{experiment.source}: answer.turns: {model} ({condition}) does not "
                "continue a text of its own, because it takes no prefill; add `go_on: "
                "MESSAGE` to `answer`, which asks for the rest in a message of the user"
            )


def leave_out_schema(_model: str, sampling: Mapping[str, Any]) -> dict[str, Any]:
    """Return sampling fields without a verdict's schema."""
    return {name: value for name, value in sampling.items() if name != VERDICT_SCHEMA}


def identify_written(model: str, sampling: Mapping[str, Any]) -> object:
    """Return what tells requests apart beside their messages: the model and fields as written."""
    return [model, sampling]


def drop_empty_prefill(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return messages without a final assistant message that has no text, which is no prefill.

    Servers take it for a turn of its own. The ids of earlier versions count it.
    """
    empty = messages[-1] == ("assistant", "")
    return messages[:-1] if empty else messages
