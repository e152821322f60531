"""Verdict schema: how a judge's JSON schema is asked for, where its model takes one.

OpenAI's API and those like it have `response_format`, Anthropic's `output_config.format`
(https://platform.claude.com/docs/en/build-with-claude/structured-outputs). It is a help and no
part of what is measured, so it is left out where it is not known to be taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiment.definition import VERDICT_SCHEMA
from providers.capabilities.capability import Capability
from providers.capabilities.citation import cite
from providers.capabilities.reasoning import find_reasoning

_RESPONSE_FORMAT, _OUTPUT_CONFIG = "response_format", "output_config"


def takes_schema(capability: Capability, sampling: Mapping[str, Any]) -> bool:
    """Return whether a request with these sampling fields is sent a schema for its answer."""
    return bool(_find_place(capability, sampling))


def place_schema(
    capability: Capability, sampling: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return sampling fields with a verdict's schema where the model takes it, or without it.

    Returns:
        The fields, and what was changed, in words.
    """
    asked = dict(sampling)
    schema = asked.pop(VERDICT_SCHEMA, None)
    if schema is None:
        return asked, ()
    place = _find_place(capability, asked)
    if place == _RESPONSE_FORMAT:
        return asked | {place: schema}, ("the verdict's schema is sent as response_format",)
    if place == _OUTPUT_CONFIG:
        form = {"type": "json_schema", "schema": schema["json_schema"]["schema"]}
        held = dict(asked.get(place) or {}) | {"format": form}
        return asked | {place: held}, ("the verdict's schema is sent as output_config.format",)
    why = f"it is not known to be taken there{cite(capability)}"
    return asked, (f"the verdict's schema is left out: {why}",)


def _find_place(capability: Capability, sampling: Mapping[str, Any]) -> str:
    """Return the field in which a schema is sent; empty where none is known to be taken."""
    reasons = find_reasoning(capability, sampling).on
    while_reasoning = capability.while_reasoning if reasons else {}
    rules = {**capability.fields, **while_reasoning}
    is_claude = capability.endpoint == "messages"
    for name in (_RESPONSE_FORMAT, _OUTPUT_CONFIG)[is_claude:]:
        rule, inner = rules.get(name), rules.get(f"{name}.format")
        is_refused = inner is not None and inner.taken != "taken"
        if rule and rule.taken == "taken" and rule.allows("json_schema") and not is_refused:
            return name
    return ""
