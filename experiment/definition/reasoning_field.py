"""The portable `reasoning` of `sampling`: how much a model thinks before it answers.

    off | minimal | low | medium | high | xhigh | max | {max_tokens: N}

OpenRouter's own object (`effort`, `max_tokens`, `enabled`, `exclude`) means the same and is read
too: https://openrouter.ai/docs/use-cases/reasoning-tokens. Which of these a model takes, and how it
is asked, is in `providers.capabilities`.
"""

from __future__ import annotations

from typing import Any

REASONING_LEVELS = ("off", "minimal", "low", "medium", "high", "xhigh", "max")
_FIELDS = ("effort", "max_tokens", "enabled", "exclude", "summary")
_MOST = 100_000_000  # tokens, as of `max_tokens`
_EXPECTED = f"expected {', '.join(REASONING_LEVELS)}, or {{max_tokens: N}}"


def read_reasoning(value: Any) -> Any:  # noqa: ANN401 - a word or an object
    """Return the field as it is used from here on; a word in lower case, and `off` for `none`.

    Raises:
        ValueError: it is neither a level nor a number of tokens; names those that there are.
    """
    if isinstance(value, dict):
        return {name: _read_part(name, part) for name, part in value.items()}
    if value is None:
        return None
    word = str(value).lower()
    if not isinstance(value, str) or word not in (*REASONING_LEVELS, "none"):
        raise ValueError(f"reasoning: {_show(value)} is not a level; {_EXPECTED}")
    return "off" if word == "none" else str(word)


def _read_part(name: object, value: Any) -> Any:  # noqa: ANN401
    """Return a field of the object, checked.

    Raises:
        ValueError: it has none of that name, or not this value.
    """
    if name not in _FIELDS:
        raise ValueError(f"reasoning: unknown field {_show(name)}; known: {', '.join(_FIELDS)}")
    if value is None:
        return None
    if name == "max_tokens":
        if type(value) is not int or not 0 < value <= _MOST:
            raise ValueError(
                f"reasoning.max_tokens: {_show(value)} is not a whole number from 1 to {_MOST:,}; "
                "to turn reasoning off, write `reasoning: off`"
            )
    elif name == "effort":
        word = "none" if (level := read_reasoning(value)) == "off" else level
        if not isinstance(word, str):
            raise ValueError(f"reasoning.effort: {_show(value)} is not a level; {_EXPECTED}")
        return word
    elif name == "summary":
        if not isinstance(value, str):
            raise ValueError(f"reasoning.summary: {_show(value)} is not a word such as auto")
    elif not isinstance(value, bool):
        raise ValueError(f"reasoning.{name}: {_show(value)} is neither true nor false")
    return value


def _show(value: object) -> str:
    return repr(value)[:60]
