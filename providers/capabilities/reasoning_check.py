"""Reasoning check: why a model does not take what a request asks of its reasoning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from providers.capabilities.asked_reasoning import AskedReasoning, list_native_reasoning
from providers.capabilities.capability import Capability
from providers.capabilities.citation import cite, list_words
from providers.capabilities.field_rules import find_rule
from providers.capabilities.reasoning import (
    asks_for_tokens,
    can_stop,
    choose_level,
    find_least_level,
    find_level_budget,
    find_way,
    list_levels,
)


def check_portable_reasoning(
    capability: Capability, asked: AskedReasoning, sampling: Mapping[str, Any]
) -> Iterator[str]:
    """Yield why a model does not take a portable `reasoning`, with the mend."""
    way, source = find_way(capability), cite(capability)
    if asked.kept and "reasoning" not in way.get("level", {}):
        yield f"reasoning: {min(asked.kept)} has no name there{source}; remove it"
    if asked.on is False:
        yield from _check_off(capability, "reasoning")
        if capability.reasons == "default" and can_stop(capability) and "off" not in way:
            yield f"reasoning: off: no way to turn it off is known there{source}; remove it"
    elif asked.on and capability.reasons == "never":
        yield f"reasoning: it does not reason{source}; remove it, or write `reasoning: off`"
    elif asked.budget is not None:
        yield from _check_budget(capability, asked.budget, "reasoning", sampling)
    elif asked.level:
        yield from _check_level(capability, asked.level, sampling)
    elif asked.on and "on" not in way:
        yield from _check_on(capability, sampling)


def check_native_reasoning(capability: Capability, sampling: Mapping[str, Any]) -> Iterator[str]:
    """Yield why a model does not take the native fields about reasoning, with the mend.

    Fields that its record does not know, or refuses, are refused by its rules.
    """
    known = {
        name: value
        for name, value in sampling.items()
        if (rule := find_rule(capability, name, reasons=True)) and rule.taken == "taken"
    }
    asked = list_native_reasoning(known)
    stopped = any(each.on is False for each in asked)
    beside_off = capability.levels_while_off if stopped else ()
    for each in asked:
        (where,) = each.fields
        if (rule := find_rule(capability, where, reasons=True)) and rule.taken == "refused":
            yield f"{where}: it is not taken there{cite(capability)}; write `reasoning` instead"
        elif each.on is False:
            yield from _check_off(capability, where)
        elif each.budget is not None:
            unsure = capability.budget is None and where.partition(".")[0] in capability.fields
            if not unsure:
                yield from _check_budget(capability, each.budget, where, sampling)
        elif each.level and capability.levels and each.level not in capability.levels:
            yield _refuse_level(capability, each.level, where)
        elif each.level and beside_off and each.level not in beside_off:
            yield (
                f"{where}: {each.level} is not taken while reasoning is off{cite(capability)}; "
                f"write {list_words(beside_off)}"
            )
        elif each.on and capability.reasons == "never":
            yield f"{where}: it does not reason{cite(capability)}; remove it"
    if isinstance(thinking := known.get("thinking"), Mapping):
        yield from _check_thinking(capability, thinking)


def _check_off(capability: Capability, where: str) -> Iterator[str]:
    if can_stop(capability):
        return
    if least := find_least_level(capability):
        mend = f"write `reasoning: {least}`, the least that it takes"
    elif capability.budget:
        mend = f"write `reasoning: {{max_tokens: {capability.budget[0]}}}`, the least that it takes"
    else:
        mend = f"remove {where}"
    yield f"{where}: off: it cannot stop reasoning{cite(capability)}; {mend}"


def _check_on(capability: Capability, sampling: Mapping[str, Any]) -> Iterator[str]:
    level = choose_level(capability)
    if level and find_way(capability):
        yield from _check_level(capability, level, sampling)
    elif capability.reasons not in ("always", "default"):
        yield f"reasoning: no way to turn it on is known there{cite(capability)}; remove it"


def _check_level(capability: Capability, level: str, sampling: Mapping[str, Any]) -> Iterator[str]:
    """Check a portable level."""
    way, levels = find_way(capability), list_levels(capability)
    if levels and level not in levels:
        yield _refuse_level(capability, level, "reasoning")
    elif asks_for_tokens(capability):
        tokens = find_level_budget(capability, level, sampling.get("max_tokens"))
        if tokens is not None:
            yield from _check_room(capability, tokens, "reasoning", sampling)
            return
        yield (
            f"reasoning: {level}: only a number of tokens can be asked for{cite(capability)}; "
            "write `reasoning: {max_tokens: N}`"
        )
    elif not levels and not _has_word(way.get("level", {}), "LEVEL"):
        on = "on" in way or "level" in way
        mend = "write `reasoning: {enabled: true}`, or remove it" if on else "remove it"
        yield f"reasoning: {level}: it takes no level of reasoning{cite(capability)}; {mend}"


def _refuse_level(capability: Capability, level: str, where: str) -> str:
    levels = list_words(list_levels(capability))
    if level in capability.responses_levels:
        levels += ", or ask over the Responses API: `capabilities: {endpoint: responses}`"
    return f"{where}: {level} is not one of its levels{cite(capability)}; write {levels}"


def _has_word(template: object, word: str) -> bool:
    if isinstance(template, Mapping):
        return any(_has_word(each, word) for each in template.values())
    return template == word


def _check_budget(
    capability: Capability, budget: int, where: str, sampling: Mapping[str, Any]
) -> Iterator[str]:
    way, levels = find_way(capability), list_levels(capability)
    if capability.budget is None or "budget" not in way:
        switch = "write `reasoning: {enabled: true}`, or remove it" if "on" in way else "remove it"
        mend = f"write `reasoning` with {list_words(levels)}" if levels else switch
        yield (
            f"{where}: {budget:,} tokens: a number of tokens cannot be asked for"
            f"{cite(capability)}; {mend}"
        )
        return
    least, most = capability.budget
    if least <= budget <= most:
        yield from _check_room(capability, budget, where, sampling)
    else:
        yield (
            f"{where}: {budget:,} reasoning tokens are not between {least:,} and {most:,}"
            f"{cite(capability)}; write a number between them"
        )


def _check_room(
    capability: Capability, tokens: int, where: str, sampling: Mapping[str, Any]
) -> Iterator[str]:
    """Check that reasoning leaves tokens for the answer."""
    limit = sampling.get("max_tokens")
    if isinstance(limit, int) and tokens >= limit:
        yield (
            f"{where}: {tokens:,} reasoning tokens are not less than max_tokens, {limit:,}, which "
            f"holds the answer as well{cite(capability)}; raise max_tokens, or ask for fewer"
        )


def _check_thinking(capability: Capability, thinking: Mapping[str, Any]) -> Iterator[str]:
    """Check the type of a native `thinking` against those of the model's way to ask for it."""
    way, kind = find_way(capability), thinking.get("type")
    templates = (each.get("thinking") for each in way.values())
    known = [each for each in templates if isinstance(each, Mapping) and "type" in each]
    types = {str(each["type"]) for each in known}
    if not types:
        return
    stopping = way.get("off", {}).get("thinking", {"type": "disabled"})["type"]
    if kind not in types | {stopping}:
        useful = types if can_stop(capability) else types - {stopping}
        yield (
            f"thinking: type {kind} is not one that it takes{cite(capability)}; write "
            f"{list_words(tuple(sorted(useful)))}, or `reasoning`, which is translated"
        )
        return
    numbered = [each for each in known if each.get("type") == kind]
    needed = bool(numbered) and all("budget_tokens" in each for each in numbered)
    if needed and not isinstance(thinking.get("budget_tokens"), int):
        yield f"thinking: type {kind} needs budget_tokens{cite(capability)}; write both"
