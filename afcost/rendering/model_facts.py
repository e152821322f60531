"""What a model takes, in words: the facts of its capability record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pricing.catalog import ModelName
from providers.capabilities import (
    Capability,
    FieldRule,
    can_stop,
    load_ways,
    supports_prefill,
)
from providers.provider import Provider

REASONS = {
    "never": "never",
    "on_request": "on request",
    "default": "by default",
    "always": "always",
    "unknown": "not known",
}
_TEXTS = {
    "full": "its text comes back in full; ",
    "summary": "a summary of it comes back; ",
    "none": "its text does not come back; ",
}
_PREFILLS = {
    "continue": "continued from",
    "prefix": "continued from, sent with `prefix: true`",
    "flags": "continued from, sent with vLLM's two flags",
}
_UNTAKEN = {
    "own": "left out, as the model sets it itself",
    "ignored": "left out, as it has no effect",
    "refused": "refused",
}


@dataclass(frozen=True, slots=True)
class ModelCapability:
    """A model at a provider, with what it takes there and its context window."""

    name: ModelName
    provider: Provider
    takes: Capability
    window: int | None

    @property
    def endpoint(self) -> str:
        """The endpoint that its requests go to."""
        own = self.provider.endpoints
        return (self.takes.endpoint or own[0]) if own else "not run"

    @property
    def prefill(self) -> bool:
        """Whether it is sent a final assistant message to continue."""
        return supports_prefill(self.takes, self.provider)


def list_facts(model: ModelCapability) -> Iterator[tuple[str, str]]:
    """Yield what a model takes, as label and text; an empty label continues the one before."""
    takes = model.takes
    yield from _list_reasoning(takes)
    yield from _list_fields(takes)
    most = f"at most {takes.max_output:,} tokens" if takes.max_output else "its most is not known"
    named = f", sent as {takes.limit_field}" if takes.limit_field != "max_tokens" else ""
    least = f", at least {takes.least_output:,}" if takes.least_output > 1 else ""
    yield "output", f"max_tokens{named}; {most}{least}"
    if not takes.limit_bounds_reasoning:
        yield "", "it does not bound the reasoning, so a request may cost more than its limit says"
    yield "prefill", _describe_prefill(model)
    yield "endpoint", model.endpoint
    if model.window:
        yield "window", f"{model.window:,} tokens"
    if takes.fee:
        yield "fee", takes.fee
    yield from (("note", note) for note in takes.notes)
    yield from (("source", source) for source in takes.sources)
    checked = f", read on {takes.checked}" if takes.checked else ""
    yield "certainty", f"{takes.sure}{checked}"


def _list_reasoning(takes: Capability) -> Iterator[tuple[str, str]]:
    if takes.reasons == "never":
        yield "reasons", "never"
        return
    stops = can_stop(takes)
    known = takes.default_level in takes.levels
    usual = "unless another is asked for" if takes.reasons == "on_request" else "by itself"
    level = f", at level {takes.default_level} {usual}" if known else ""
    off = "can be turned off" if stops else "cannot be turned off"
    ends = "" if takes.reasons in ("on_request", "unknown") else f"; {off}"
    yield "reasons", f"{REASONS[takes.reasons]}{level}{ends}"
    choices = ["off"] if stops and takes.reasons != "unknown" else []
    choices += takes.levels
    choices += [f"{level} (Responses API)" for level in takes.responses_levels]
    if takes.budget:
        choices.append("{{max_tokens: {:,} to {:,}}}".format(*takes.budget))
    if choices:
        yield "  ask by", f"reasoning: {' | '.join(choices)}"
    if way := load_ways().get(takes.asked_by):
        shown = {name: fields for name, fields in way.items() if stops or name != "off"}
        yield from (("  sent", f"{name}: {_show(fields)}") for name, fields in shown.items())
    for name, tokens in takes.budgets.items():
        yield "  tokens", f"{name}: {tokens:,}"
    inside = "inside of" if takes.counted == "inside" else "apart from"
    yield "  text", f"{_TEXTS.get(takes.text, '')}counted {inside} the output"


def _list_fields(takes: Capability) -> Iterator[tuple[str, str]]:
    yield from _group_rules("sampling", takes.fields)
    if takes.while_reasoning and takes.reasons != "never":
        yield from _group_rules("reasoning", takes.while_reasoning)
    for fields in takes.exclusive:
        yield "  only one", " | ".join(fields)


def _group_rules(label: str, rules: Mapping[str, FieldRule]) -> Iterator[tuple[str, str]]:
    """Yield the fields that are taken, with their limits, then what becomes of the others."""
    taken = [_describe_rule(name, rule) for name, rule in rules.items() if rule.taken == "taken"]
    yield label, f"taken: {', '.join(taken) or 'none'}"
    for kind, said in _UNTAKEN.items():
        if names := [name for name, rule in rules.items() if rule.taken == kind]:
            yield "", f"{said}: {', '.join(names)}"


def _describe_rule(name: str, rule: FieldRule) -> str:
    details = [f"as {rule.name}"] if rule.name else []
    if rule.low is not None and rule.high is not None:
        details.append(f"{rule.low:g} to {rule.high:g}")
    if rule.most is not None:
        details.append(f"at most {rule.most}")
    if rule.only:
        details.append(f"only {', '.join(rule.only)}")
    return name + (f" ({', '.join(details)})" if details else "")


def _describe_prefill(model: ModelCapability) -> str:
    if not model.prefill:
        return "not taken: a final assistant message is left out"
    takes = model.takes
    text = _PREFILLS.get(model.provider.prefill, "continued from")
    if takes.prefill is None:
        text += ", as far as is known"
    if not takes.prefill_while_reasoning and takes.reasons not in ("never", "unknown"):
        text += "; not while reasoning"
    return text if takes.prefill_space else f"{text}; no white space at its end"


def _show(fields: object) -> str:
    return json.dumps(fields) if fields else "nothing is sent"
