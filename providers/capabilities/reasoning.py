"""Whether a request reasons: what its model does by default, and what the request asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.capabilities.asked_reasoning import find_asked_reasoning
from providers.capabilities.capability import Capability
from providers.capabilities.rows import load_ways

# The share of `max_tokens` that a level may take where only a number of tokens can be asked for,
# so that each level leaves room for an answer and stays below the next one. Our choice, after
# shares that OpenRouter uses; its page about them was not looked up.
_SHARES = {"minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8}
_LARGEST_SHARE = 0.95
_BY_DEFAULT = {"always": True, "default": True, "on_request": False}


@dataclass(frozen=True, slots=True)
class ReasoningState:
    """Whether a request reasons before it answers.

    Attributes:
        on: None where that is not known.
        level: low, medium, high and the like; empty where none is known.
        budget: the most reasoning tokens; None where no number was asked for.
        asked: whether the request's own fields decide it, not the model's default.
    """

    on: bool | None
    level: str = ""
    budget: int | None = None
    asked: bool = False


def find_reasoning(capability: Capability, sampling: Mapping[str, Any]) -> ReasoningState:
    """Return whether a request with these sampling fields reasons, as the user writes them."""
    if capability.reasons == "never":
        return ReasoningState(on=False)
    asked, default = find_asked_reasoning(sampling), _BY_DEFAULT.get(capability.reasons)
    if asked is None or (asked.on is None and not asked.level):
        return ReasoningState(default, capability.default_level if default else "")
    if asked.on is False:
        return _turn_off(capability)
    on_now = default if asked.on is None else asked.on
    if not on_now:  # a level by itself does not make it reason
        return ReasoningState(on_now)
    budget = asked.budget
    if budget is None and asked.level and asks_for_tokens(capability):
        budget = find_level_budget(capability, asked.level, sampling.get("max_tokens"))
    level = asked.level or ("" if budget is not None else capability.default_level)
    return ReasoningState(on_now, level, budget, asked=True)


def _turn_off(capability: Capability) -> ReasoningState:
    if not can_stop(capability):
        return ReasoningState(on=True, level=find_least_level(capability), asked=True)
    known = capability.reasons != "unknown" or bool(capability.asked_by)
    return ReasoningState(on=False if known else None, asked=True)


def can_stop(capability: Capability) -> bool:
    """Return whether a model can answer without reasoning."""
    stops = capability.reasons == "default" and capability.stops
    return stops or capability.reasons in ("never", "on_request", "unknown")


def list_levels(capability: Capability) -> tuple[str, ...]:
    """Return the levels of reasoning that a model takes, weakest first."""
    budgets = capability.budgets
    return capability.levels or tuple(sorted(budgets, key=budgets.__getitem__))


def find_least_level(capability: Capability) -> str:
    """Return the least level of reasoning that a model takes; empty where it has none."""
    return next(iter(list_levels(capability)), "")


def choose_level(capability: Capability) -> str:
    """Return the level that `reasoning: on` means: the default, medium, or the least."""
    levels = list_levels(capability)
    if capability.default_level in levels:
        return capability.default_level
    return "medium" if "medium" in levels else find_least_level(capability)


def find_way(capability: Capability) -> dict[str, Any]:
    """Return how a model's reasoning is asked for: level, budget, on, off -> fields of a body."""
    return load_ways().get(capability.asked_by, {})


def list_way_fields(capability: Capability) -> frozenset[str]:
    """Return the fields of a body by which a model's reasoning is asked for."""
    return frozenset(name for template in find_way(capability).values() for name in template)


def asks_for_tokens(capability: Capability) -> bool:
    """Return whether a level can only be asked for as a number of tokens."""
    way = find_way(capability)
    return "budget" in way and "level" not in way


def find_level_budget(capability: Capability, level: str, max_tokens: object) -> int | None:
    """Return the reasoning tokens of a level where only a number can be asked for.

    It is never more than the level's share of `max_tokens`, nor less than what can be asked for;
    None for a level without a number.
    """
    tokens = capability.budgets.get(level)
    if tokens is None:
        return None
    if isinstance(max_tokens, int):
        tokens = min(tokens, int(max_tokens * _SHARES.get(level, _LARGEST_SHARE)))
    return max(tokens, capability.budget[0] if capability.budget else 1)
