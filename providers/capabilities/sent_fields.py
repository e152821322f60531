"""Sent fields: what a request's body holds besides its model and prompt, for a model at a provider.

The fields of an experiment are portable: `max_tokens`, `temperature`, `stop`, `reasoning` and the
like. A model's record says what each is called there, and which are left out or refused. Those in
`extra` are sent as they stand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from providers.capabilities.capability import Capability
from providers.capabilities.citation import cite
from providers.capabilities.field_rules import apply_field_rules, check_range, find_rule
from providers.capabilities.reasoning import find_reasoning
from providers.capabilities.reasoning_fields import build_reasoning_fields, merge_fields
from providers.capabilities.verdict_schema import place_schema
from providers.errors import NotTaken
from providers.provider import Provider

_NOT_PORTABLE = ("max_tokens", "reasoning", "extra")


@dataclass(frozen=True, slots=True)
class SentFields:
    """What is sent for the sampling fields of a request.

    Attributes:
        fields: as they are in the body, the limit under its name there.
        changes: what is left out, renamed or translated, in words for a reader.
    """

    fields: dict[str, Any]
    changes: tuple[str, ...] = ()


def build_sent_fields(
    capability: Capability, sampling: Mapping[str, Any], *, prefill: str = ""
) -> SentFields:
    """Translate the sampling fields of a request for a model.

    Args:
        capability: of the model at its provider.
        sampling: the fields as an experiment writes them, `max_tokens` among them; one that is
            None is as if it were not there.
        prefill: the text of a final assistant message; empty where none is sent.

    Raises:
        NotTaken: the provider would refuse the request; says why, by which source, and the mend.
    """
    asked = {name: value for name, value in sampling.items() if value is not None}
    asked, placed = place_schema(capability, asked)
    others = {name: value for name, value in asked.items() if name not in _NOT_PORTABLE}
    ruled = apply_field_rules(capability, others, reasons=find_reasoning(capability, asked).on)
    reasoning = build_reasoning_fields(capability, asked)
    problems = (
        *_check_limit(capability, asked["max_tokens"]),
        *ruled.problems,
        *reasoning.problems,
        *_check_prefill(capability, prefill),
    )
    if problems:
        raise NotTaken(*problems)
    fields = merge_fields(ruled.fields, reasoning.fields)
    fields = merge_fields(fields, asked.get("extra", {}))
    limit = {capability.limit_field: asked["max_tokens"]}
    return SentFields(limit | fields | limit, (*placed, *ruled.changes, *reasoning.changes))


def supports_prefill(capability: Capability, provider: Provider) -> bool:
    """Return whether a model is sent a final assistant message at a provider, to continue it."""
    return provider.prefill != "none" and capability.prefill is not False


def _check_limit(capability: Capability, max_tokens: int) -> Iterator[str]:
    """Yield why the limit of an answer is too large or too small."""
    most = capability.max_output
    if most is not None and max_tokens > most:
        yield (
            f"max_tokens: {max_tokens:,} is more than its answers may have, {most:,}"
            f"{cite(capability)}; lower it to at most {most:,}"
        )
    elif max_tokens < capability.least_output:
        least = capability.least_output
        yield (
            f"max_tokens: {max_tokens} is less than its answers may be limited to, {least}"
            f"{cite(capability)}; raise it to at least {least}"
        )
    elif rule := find_rule(capability, "max_tokens", reasons=False):
        yield from check_range(capability, "max_tokens", max_tokens, rule)


def _check_prefill(capability: Capability, prefill: str) -> Iterator[str]:
    """Yield that a prefill ends with white space where that is refused."""
    if not capability.prefill_space and prefill != prefill.rstrip():
        space = prefill[len(prefill.rstrip()) :]
        yield (
            f"the prefill ends with white space, {space!r}{cite(capability)}; remove it: a YAML "
            "block `|` ends with a line break, `|-` does not"
        )
