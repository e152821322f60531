"""Reasoning fields: how a request asks its model for reasoning, and what is refused of it.

A portable `reasoning` is translated by the way that the model's record names (`ways` in
`capabilities.yaml`); native fields are checked against the same record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.capabilities.asked_reasoning import (
    AskedReasoning,
    read_native_reasoning,
    read_portable_reasoning,
)
from providers.capabilities.capability import Capability
from providers.capabilities.citation import list_words, show_fields
from providers.capabilities.reasoning import (
    asks_for_tokens,
    choose_level,
    find_level_budget,
    find_way,
)
from providers.capabilities.reasoning_check import (
    check_native_reasoning,
    check_portable_reasoning,
)


@dataclass(frozen=True, slots=True)
class ReasoningFields:
    """How reasoning is asked for.

    Attributes:
        fields: of the body, from a portable `reasoning`; native ones stay where they are.
        changes: what was translated, in words.
        problems: why the request would be refused.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


_WHY_NOTHING = {
    "never": "it does not reason",
    "on_request": "it reasons only on request",
    "always": "it always reasons",
    "unknown": "no way to turn it off is known there",
}


def build_reasoning_fields(capability: Capability, sampling: Mapping[str, Any]) -> ReasoningFields:
    """Translate a portable `reasoning`, or check the native fields, of a request."""
    if sampling.get("reasoning") is None:
        return ReasoningFields(problems=tuple(check_native_reasoning(capability, sampling)))
    try:
        asked = read_portable_reasoning(sampling["reasoning"])
    except ValueError as error:
        return ReasoningFields(problems=(str(error),))
    if native := read_native_reasoning(sampling):
        names = list_words(native.fields)
        both = f"reasoning and {names} say the same thing in two forms; keep one of them"
        return ReasoningFields(problems=(both,))
    if problems := tuple(check_portable_reasoning(capability, asked, sampling)):
        return ReasoningFields(problems=problems)
    return _translate(capability, asked, sampling)


def merge_fields(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of both, objects put together field by field; the second one counts."""
    merged = dict(first)
    for name, value in second.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = merge_fields(merged[name], value) if both else value
    return merged


def _translate(
    capability: Capability, asked: AskedReasoning, sampling: Mapping[str, Any]
) -> ReasoningFields:
    """Return the fields for what is known to be taken."""
    fields, said = _fill_way(capability, asked, sampling), _describe(asked)
    if asked.kept:
        fields = merge_fields(fields, {"reasoning": dict(asked.kept)})
    if not fields:
        why = _WHY_NOTHING.get(capability.reasons, "that is its default")
        return ReasoningFields(changes=(f"reasoning {said}: nothing is sent, {why}",))
    if fields == {"reasoning": sampling["reasoning"]}:
        return ReasoningFields(fields)
    return ReasoningFields(fields, (f"reasoning {said} is sent as {show_fields(fields)}",))


def _fill_way(
    capability: Capability, asked: AskedReasoning, sampling: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the fields of the way that fits; none where nothing needs to be sent."""
    way = find_way(capability)
    if not asked.on:
        stopped = asked.on is False and capability.reasons != "never"
        return dict(way.get("off", {})) if stopped else {}
    if asked.budget is not None:
        return fill_template(way["budget"], TOKENS=asked.budget)
    if not asked.level and "on" in way:
        return dict(way["on"])
    level = asked.level or choose_level(capability)
    if asks_for_tokens(capability):
        tokens = find_level_budget(capability, level, sampling.get("max_tokens"))
        return fill_template(way["budget"], TOKENS=tokens)
    return fill_template(way.get("level", {}), LEVEL=level)


def fill_template(template: Mapping[str, Any], **values: object) -> dict[str, Any]:
    """Return a template of a way with its words, LEVEL or TOKENS, replaced."""
    return {
        name: fill_template(each, **values)
        if isinstance(each, Mapping)
        else values.get(str(each), each)
        for name, each in template.items()
    }


def _describe(asked: AskedReasoning) -> str:
    if asked.on is None:
        return "as by default"
    if not asked.on:
        return "off"
    return f"of {asked.budget:,} tokens" if asked.budget is not None else asked.level or "on"
