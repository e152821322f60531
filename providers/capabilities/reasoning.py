"""Whether a request reasons: what its model does by default, and what the request asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.capabilities.capability import Capability


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
    asked = sampling.get("reasoning")
    if capability.reasons == "never":
        return ReasoningState(on=False)
    if asked == "off":
        return ReasoningState(on=capability.reasons == "always", asked=True)
    if isinstance(asked, str):
        return ReasoningState(on=True, level=asked, asked=True)
    if isinstance(asked, dict) and "max_tokens" in asked:
        return ReasoningState(on=True, budget=asked["max_tokens"], asked=True)
    by_default = {"always": True, "default": True, "on_request": False}
    on = by_default.get(capability.reasons)
    return ReasoningState(on, capability.default_level if on else "")
