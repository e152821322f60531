"""Asked reasoning: what the fields of a request say about reasoning, in whatever form.

There is a portable form, `reasoning: off | low | … | {max_tokens: N}`, which may also be written as
OpenRouter's object, and there are the native forms of each API. Both are read here into one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from experiment.definition import merge_extra

_OFF_WORDS = ("off", "none", "false", "no", "disabled")
_ON_WORDS = ("on", "true", "yes", "enabled", "auto", "default")
_PORTABLE_KEYS = ("effort", "max_tokens", "enabled")
_KEPT_KEYS = ("exclude", "summary")  # which say what comes back, not whether it reasons


@dataclass(frozen=True, slots=True)
class AskedReasoning:
    """What a request's own fields say about reasoning.

    Attributes:
        on: None where they name a level without turning reasoning on or off.
        level: low, medium, high and the like; empty where none is named.
        budget: the most reasoning tokens; None where no number is named.
        fields: the names of the fields that say so.
        kept: other parts of a portable `reasoning`, such as `exclude`.
    """

    on: bool | None
    level: str = ""
    budget: int | None = None
    fields: tuple[str, ...] = ()
    kept: Mapping[str, Any] = field(default_factory=dict)


def read_portable_reasoning(value: object) -> AskedReasoning:
    """Read the portable `reasoning` of an experiment.

    Raises:
        ValueError: it is none of its forms.
    """
    if isinstance(value, Mapping):
        return _read_object(value)
    if isinstance(value, bool) or (isinstance(value, str) and value.lower() in _OFF_WORDS):
        return AskedReasoning(value is True, fields=("reasoning",))
    if isinstance(value, str) and value.lower() in _ON_WORDS:
        return AskedReasoning(on=True, fields=("reasoning",))
    if isinstance(value, str) and value:
        return AskedReasoning(on=True, level=value.lower(), fields=("reasoning",))
    raise ValueError(
        f"reasoning: {value!r} is not a level; write off, low, medium, high or {{max_tokens: N}}"
    )


def list_native_reasoning(sampling: Mapping[str, Any]) -> list[AskedReasoning]:
    """List what each native field says about reasoning."""
    return [each for each in _read_fields(sampling) if each is not None]


def read_native_reasoning(sampling: Mapping[str, Any]) -> AskedReasoning | None:
    """Read all native fields about reasoning together; None where there are none."""
    found = list_native_reasoning(sampling)
    if not found:
        return None
    said = [each.on for each in found if each.on is not None]
    return AskedReasoning(
        on=all(said) if said else None,
        level=next((each.level for each in found if each.level), ""),
        budget=next((each.budget for each in found if each.budget is not None), None),
        fields=tuple(name for each in found for name in each.fields),
    )


def find_asked_reasoning(sampling: Mapping[str, Any]) -> AskedReasoning | None:
    """Return what the fields say in either form, `extra` included; None where they say nothing."""
    fields = merge_extra(sampling)
    if fields.get("reasoning") is not None:
        try:
            return read_portable_reasoning(fields["reasoning"])
        except ValueError:
            return None  # it is refused where fields are translated
    return read_native_reasoning(fields)


def _read_object(value: Mapping[str, Any]) -> AskedReasoning:
    effort, budget, enabled = (value.get(name) for name in _PORTABLE_KEYS)
    if unknown := sorted(value.keys() - {*_PORTABLE_KEYS, *_KEPT_KEYS}):
        raise ValueError(f"reasoning: {unknown[0]!r} is unknown; write {{max_tokens: N}}")
    if effort is not None and budget is not None:
        raise ValueError("reasoning: effort and max_tokens exclude each other; keep one of them")
    if budget is not None and (not _is_count(budget) or budget < 1):
        raise ValueError(f"reasoning: max_tokens: {budget!r} is not a number of tokens from 1")
    if effort is not None and not isinstance(effort, str):
        raise ValueError(f"reasoning: effort: {effort!r} is not a level, such as low or high")
    level = (effort or "").lower()
    off = enabled is False or level in _OFF_WORDS
    if off and (budget is not None or (level and level not in _OFF_WORDS)):
        raise ValueError("reasoning: it is turned off and asked for at once; keep one of them")
    kept = {name: value[name] for name in _KEPT_KEYS if value.get(name) is not None}
    named = effort is not None or budget is not None or enabled is not None
    on = not off if named else None
    return AskedReasoning(on, "" if off else level, budget, ("reasoning",), kept)


def _read_fields(sampling: Mapping[str, Any]) -> Iterator[AskedReasoning | None]:
    """Yield what each native field says about reasoning."""
    yield _read_thinking(sampling.get("thinking"))
    yield _read_effort("reasoning_effort", sampling.get("reasoning_effort"))
    yield _read_switch("enable_thinking", sampling.get("enable_thinking"))
    if sampling.get("disable_reasoning") is True:
        yield AskedReasoning(on=False, fields=("disable_reasoning",))
    yield _read_budget("thinking_budget", sampling.get("thinking_budget"))
    config = sampling.get("output_config")
    if isinstance(config, Mapping) and isinstance(config.get("effort"), str):
        yield AskedReasoning(None, config["effort"], fields=("output_config.effort",))
    yield from _read_config(sampling.get("thinkingConfig"))
    arguments = sampling.get("chat_template_kwargs")
    if isinstance(arguments, Mapping):
        where = "chat_template_kwargs"
        for name in ("enable_thinking", "thinking"):
            yield _read_switch(f"{where}.{name}", arguments.get(name))
        yield _read_effort(f"{where}.reasoning_effort", arguments.get("reasoning_effort"))
        yield _read_budget(f"{where}.thinking_budget", arguments.get("thinking_budget"))


def _read_config(config: Any) -> Iterator[AskedReasoning | None]:  # noqa: ANN401 - the user's
    """Yield what Google's `thinkingConfig` says."""
    if isinstance(config, Mapping):
        yield _read_budget("thinkingConfig", config.get("thinkingBudget"))
        yield _read_effort("thinkingConfig", config.get("thinkingLevel"))


def _read_thinking(value: object) -> AskedReasoning | None:
    """Read `thinking`, which Anthropic, DeepSeek, Moonshot and Z.ai have."""
    if not isinstance(value, Mapping):
        return _read_switch("thinking", value)
    budget = value.get("budget_tokens")
    off = value.get("type") in ("disabled", "between_tools")
    return AskedReasoning(not off, budget=budget if _is_count(budget) else None,
                          fields=("thinking",))  # fmt: skip


def _read_effort(name: str, value: object) -> AskedReasoning | None:
    if isinstance(value, str):
        off, word = value.lower() in _OFF_WORDS, value.lower() in (*_OFF_WORDS, *_ON_WORDS)
        return AskedReasoning(not off, "" if word else value, fields=(name,))
    return _read_budget(name, value)


def _read_switch(name: str, value: object) -> AskedReasoning | None:
    return AskedReasoning(value, fields=(name,)) if isinstance(value, bool) else None


def _read_budget(name: str, value: Any) -> AskedReasoning | None:  # noqa: ANN401 - the user's
    """Read a number of tokens; 0 turns reasoning off, a negative one leaves it to the model."""
    if not _is_count(value):
        return None
    return AskedReasoning(value != 0, budget=value if value > 0 else None, fields=(name,))


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
