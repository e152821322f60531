"""JSON that a prompt shows as the form of an answer: {"score": 1-5, "why": "..."}."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from runner.rehearsal.instances import NoInstance, write_instance

_OBJECT = re.compile(r"\{[^{}]{3,1000}\}")
_KEY = re.compile(r"""["']?([A-Za-z_][\w -]{0,40})["']?\s*:\s*""")
_QUOTED = re.compile(r'"([^"]*)"')
_RANGE = re.compile(r"(-?\d+)\s*(?:-|–|to|\.\.+)\s*(-?\d+)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NUMBERS = re.compile(r"\b(int|integer|number|float|score|rating|digit)\b", re.IGNORECASE)
_TRUTHS = re.compile(r"\b(true|false|bool|boolean)\b", re.IGNORECASE)
_WORD = re.compile(r"[\w.+-]{1,30}")
_SPOKEN_OF = re.compile("json", re.IGNORECASE)
_MOST_EXAMPLE = 2000  # characters; a longer one is data
_DECODER, _MOST_TRIES = json.JSONDecoder(), 1000
_OPEN_WORDS = ("string", "str", "text", "value", "reason", "explanation", "answer")


def find_shown_json(text: str, say: Callable[[int], str]) -> dict[str, Any] | None:
    """Return an object of the last form that a text shows, filled in; None where it shows none.

    It must speak of JSON, since most objects in prompts are data. A JSON schema in it is followed,
    an example is repeated. Where values stand beside each other it is the first, of a range the
    lowest.

    Args:
        text: of a prompt.
        say: returns words for what may be any text.
    """
    if not _SPOKEN_OF.search(text):
        return None
    if parsed := _find_parsed(text):
        return _fill_schema(parsed, say) if _is_schema(parsed) else parsed
    for shown in reversed(_OBJECT.findall(text)):
        keys = list(_KEY.finditer(shown))
        starts = [key for key in keys if shown[: key.start()].rstrip().endswith(("{", ","))]
        if starts and '"' in shown:
            ends = [key.start() for key in starts[1:]] + [len(shown) - 1]
            rows = zip(starts, ends, strict=True)
            return {
                key[1]: _fill_in(shown[key.end() : end].strip(" ,\n"), say) for key, end in rows
            }
    return None


def _find_parsed(text: str) -> dict[str, Any] | None:
    """Return the last object of a text that is JSON; one that is part of another is none."""
    found, at = None, text.find("{")
    for _ in range(_MOST_TRIES):
        if at < 0:
            break
        try:
            value, end = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            value, end = None, at + 1
        if value and (end - at <= _MOST_EXAMPLE or _is_schema(value)):
            found = value
        at = text.find("{", end)
    return found


def _is_schema(value: dict[str, Any]) -> bool:
    return value.get("type") == "object" and isinstance(value.get("properties"), dict)


def _fill_schema(schema: dict[str, Any], say: Callable[[int], str]) -> dict[str, Any] | None:
    try:
        filled = write_instance(schema, say)
    except NoInstance:
        return None
    return filled if isinstance(filled, dict) else None


def _fill_in(shown: str, say: Callable[[int], str]) -> Any:  # noqa: ANN401, PLR0911 - of JSON
    """Return a value for what a form shows as one."""
    if shown.startswith("["):
        return [_fill_in(shown[1:].rstrip(" ]").split(",")[0].strip(), say)]
    quoted = _QUOTED.findall(shown)
    if len(quoted) > 1:
        return quoted[0]
    if quoted:
        options = re.split(r"\s*[|/]\s*", quoted[0])
        is_word = _WORD.fullmatch(options[0]) and options[0].lower() not in _OPEN_WORDS
        return options[0] if is_word and "..." not in shown else say(0)
    if found := _RANGE.search(shown):
        return int(found[1])
    if _TRUTHS.search(shown):
        return True
    if found := _NUMBER.search(shown):
        return float(found[0]) if "." in found[0] else int(found[0])
    if shown == "null":
        return None
    return 1 if _NUMBERS.search(shown) else say(0)
