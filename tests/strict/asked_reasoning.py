"""Whether a body asks for reasoning, in whichever of the forms that the APIs have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OFF: Mapping[str, tuple[object, ...]] = {
    "reasoning_effort": ("none",),
    "reasoning.effort": ("none",),
    "reasoning.enabled": (False,),
    "thinking.type": ("disabled", "between_tools"),
    "enable_thinking": (False,),
    "chat_template_kwargs.enable_thinking": (False,),
    "chat_template_kwargs.thinking": (False,),
    "disable_reasoning": (True,),
    "generationConfig.thinkingConfig.thinkingBudget": (0,),
}
_ON = (
    *_OFF,
    "reasoning.max_tokens",
    "generationConfig.thinkingConfig.thinkingLevel",
)


def read_path(body: Mapping[str, Any], path: str) -> object:
    """Return the value at a dotted path; None where there is none."""
    value: Any = body
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return value


def asks_off(body: Mapping[str, Any]) -> bool:
    """Return whether a body turns reasoning off."""
    return any(_is_in(read_path(body, path), values) for path, values in _OFF.items())


def does_reason(body: Mapping[str, Any], reasons: str) -> bool:
    """Return whether a request reasons, for a model that does so never, always, or by default."""
    if reasons in ("never", "always"):
        return reasons == "always"
    if asks_off(body):
        return False
    asked = any(read_path(body, path) is not None for path in _ON)
    return asked or reasons == "default"


def _is_in(value: object, values: tuple[object, ...]) -> bool:
    """Return whether a value is one of these; 0 is not False, nor 1 True."""
    return any(value == each and type(value) is type(each) for each in values)
