"""The fields of a record as a row of `capabilities.yaml` or an experiment file writes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from experiment.definition import REASONING_LEVELS
from providers.capabilities.capability import Capability, FieldRule

LEVELS = tuple(level for level in REASONING_LEVELS if level != "off")
_ABOUT = ("sources", "sure", "checked")
_WORDS = {
    "reasons": ("never", "on_request", "default", "always", "unknown"),
    "text": ("full", "summary", "none", "unknown"),
    "counted": ("inside", "apart"),
    "endpoint": ("chat", "responses", "messages", "generate", "none", ""),
    "default_level": (*LEVELS, ""),
}
_YES_OR_NO = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_PATH = re.compile(rf"{_NAME.pattern}(\.{_NAME.pattern})*")
_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})")
_RULE = (
    "taken, refused, own, ignored, a range (0..2), a name there (as NAME) or a limit (at most 4)"
)


def parse_record(given: Mapping[str, Any], ways: Mapping[str, Any]) -> dict[str, Any]:
    """Parse the fields of a record.

    Args:
        given: the fields, as YAML has them.
        ways: the known ways to ask for reasoning, by name.

    Raises:
        ValueError: a name or a value that a record does not have; names the ones that it may have.
    """
    _check_kind("capabilities", given, Mapping, "fields such as {prefill: false}")
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in Capability.__slots__ or name in _ABOUT:
            known = ", ".join(each for each in Capability.__slots__ if each not in _ABOUT)
            raise ValueError(f"{name!r} is not a field of a record; these are: {known}")
        if name == "asked_by":
            values[name] = _parse_word(name, value, (*ways, ""))
        else:
            values[name] = _PARSERS[name](name, value)
    return values


def parse_rule(text: object) -> FieldRule:
    """Parse the rule of a field: `taken`, `0..2`, `as stop_sequences; at most 4`.

    Raises:
        ValueError: it is no rule.
    """
    rule: dict[str, Any] = {}
    for part in str(text).split(";"):
        word = part.strip()
        if word in ("taken", "refused", "own", "ignored"):
            rule["taken"] = word
        elif found := _RANGE.fullmatch(word):
            rule["low"], rule["high"] = map(float, found.groups())
        elif word.startswith("as ") and _PATH.fullmatch(word[3:].strip()):
            rule["name"] = word[3:].strip()
        elif word.startswith("at most ") and word[8:].strip().isdecimal():
            rule["most"] = int(word[8:])
        elif word.startswith("at least ") and re.fullmatch(_NUMBER, word[9:].strip()):
            rule["least"] = float(word[9:])
        elif word.startswith("one of "):
            rule["only"] = tuple(each.strip() for each in word[7:].split(","))
        else:
            raise ValueError(f"{text!r} is not a rule of a field: expected {_RULE}")
    if rule.get("low", 0.0) > rule.get("high", 0.0):
        raise ValueError(f"{text!r}: the range ends before it begins")
    return FieldRule(**rule)


def _check_kind(name: str, value: object, kind: type | tuple[type, ...], expected: str) -> None:
    if not isinstance(value, kind):
        # A ValueError: the input of a user is wrong, not the call of a function.
        raise ValueError(f"{name}: expected {expected}, not {value!r}")  # noqa: TRY004


def _parse_word(name: str, value: object, words: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in words:
        allowed = ", ".join(word or "''" for word in words)
        raise ValueError(f"{name}: {value!r} is not one of {allowed}")
    return value


def _parse_known_word(name: str, value: object) -> str:
    return _parse_word(name, value, _WORDS[name])


def _parse_levels(name: str, value: object) -> tuple[str, ...]:
    levels = {_parse_word(name, level, LEVELS) for level in _parse_texts(name, value)}
    return tuple(level for level in LEVELS if level in levels)


def _parse_texts(name: str, value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(each, str) for each in texts):
        raise ValueError(f"{name}: expected a list of texts, not {value!r}")
    return tuple(texts)


def _parse_yes_or_no(name: str, value: object) -> bool:
    found = _YES_OR_NO.get(str(value).lower()) if isinstance(value, str | bool) else None
    if found is None:
        raise ValueError(f"{name}: {value!r} is neither true nor false")
    return found


def _parse_yes_no_or_unknown(name: str, value: object) -> bool | None:
    return None if value is None else _parse_yes_or_no(name, value)


def _parse_count(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name}: expected a number of tokens, 1 or more, not {value!r}")
    return value


def _parse_count_or_unknown(name: str, value: object) -> int | None:
    return None if value is None else _parse_count(name, value)


def _parse_number_of_choices(name: str, value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name}: expected a number of answers, 1 or more, not {value!r}")
    return value


def _parse_budget(name: str, value: object) -> tuple[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or len(value) != len(("least", "most")):
        raise ValueError(f"{name}: expected the least and the most tokens, [1024, 32000]")
    least, most = (_parse_count(name, each) for each in value)
    if least > most:
        raise ValueError(f"{name}: {value!r} has its largest number first")
    return least, most


def _parse_budgets(name: str, value: Any) -> dict[str, int]:  # noqa: ANN401 - YAML\'s
    _check_kind(name, value, Mapping, "tokens for each level, {low: 1024}")
    return {
        _parse_word(name, level, LEVELS): _parse_count(f"{name}: {level}", tokens)
        for level, tokens in value.items()
    }


def _parse_field_name(name: str, value: object) -> str:
    return _parse_name(name, value, _NAME)


def _parse_name(name: str, value: object, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"{name}: {value!r} is not the name of a field")
    return value


def _parse_text(name: str, value: object) -> str:
    _check_kind(name, value, str, "a text")
    return str(value)


def _parse_rules(name: str, value: Any) -> dict[str, FieldRule]:  # noqa: ANN401 - YAML\'s
    _check_kind(name, value, Mapping, "a rule for each field, {top_k: refused}")
    rules = {}
    for field, text in value.items():
        _parse_name(name, field, _PATH)
        try:
            rules[field] = parse_rule(text)
        except ValueError as error:
            raise ValueError(f"{name}: {field}: {error}") from None
    return rules


def _parse_exclusive(name: str, value: Any) -> tuple[tuple[str, ...], ...]:  # noqa: ANN401 - YAML\'s
    _check_kind(name, value, (list, tuple), "lists of fields, [[temperature, top_p]]")
    groups = tuple(_parse_texts(name, group) for group in value)
    if any(isinstance(group, str) or len(group) == 1 for group in value):
        raise ValueError(f"{name}: each list needs two fields or more, [[temperature, top_p]]")
    return groups


_PARSERS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(_WORDS, _parse_known_word),
    **dict.fromkeys(("levels", "responses_levels", "levels_while_off"), _parse_levels),
    **dict.fromkeys(("stops", "prefill_while_reasoning", "prefill_space"), _parse_yes_or_no),
    **dict.fromkeys(("limit_bounds_reasoning", "takes_unknown"), _parse_yes_or_no),
    "prefill": _parse_yes_no_or_unknown,
    "budget": _parse_budget,
    "budgets": _parse_budgets,
    "max_output": _parse_count_or_unknown,
    "least_output": _parse_count,
    **dict.fromkeys(("choices", "reasoning_choices"), _parse_number_of_choices),
    "limit_field": _parse_field_name,
    "fee": _parse_text,
    "notes": _parse_texts,
    "exclusive": _parse_exclusive,
    **dict.fromkeys(("fields", "while_reasoning"), _parse_rules),
}
