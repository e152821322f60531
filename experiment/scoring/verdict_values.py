"""Verdict values: what a judge wrote for its field, and why that may be no vote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeGuard

from experiment.definition import FieldValue, VerdictField, normalize_word

LONGEST = 200  # characters of a value; what is longer is a text
_SEPARATOR = re.compile(r"[|/,;]|\bor\b|\band\b|\bvs\b", re.IGNORECASE)
_MARKS = " \t*_`\"'"
_BRACKETS = f"{_MARKS}<>[](){{}}"
# What may follow a value in a line: the end, a full stop, or a reason that is told as one.
_AFTER = re.compile(r"$|\s*(?:[!:()}\]–—]|(?:because|since|as)\b)|\.(?!\d)|\s+-")


class VerdictFault(StrEnum):
    """Why what a judge returned is no vote."""

    REFUSED = "refused"
    FILTERED = "filtered"
    TRUNCATED = "truncated"  # max_tokens ended it before a verdict
    UNFINISHED = "unfinished thought"
    EMPTY = "empty"
    FAILED = "failed"
    ECHO = "echo of the format"
    CONTRADICTION = "contradiction"
    OTHER_VALUE = "other value"
    NO_VERDICT = "other text"  # it holds no value of the field


Reading = FieldValue | VerdictFault


def is_value(reading: Reading | None) -> TypeGuard[FieldValue]:
    """Return whether a reading is a value, and neither nothing nor why it is none."""
    return reading is not None and not isinstance(reading, VerdictFault)


def read_value(given: object, field: VerdictField) -> Reading:
    """Read the value of a verdict's field in JSON: exactly one of its words, or its number."""
    if isinstance(given, bool) and field.bounds is not None:
        return VerdictFault.OTHER_VALUE
    if isinstance(given, list):
        return VerdictFault.ECHO if len(given) > 1 else VerdictFault.OTHER_VALUE
    if isinstance(given, Mapping):
        is_schema = not {"enum", "type", "anyOf"}.isdisjoint(given)
        return VerdictFault.ECHO if is_schema else VerdictFault.OTHER_VALUE
    text = _write_scalar(given)
    if len(text) > LONGEST:
        return VerdictFault.OTHER_VALUE
    if (found := field.find_value(text)) is not None:
        return found
    return VerdictFault.ECHO if _is_echo(text, field) else VerdictFault.OTHER_VALUE


def read_spoken_value(text: str, field: VerdictField) -> Reading:
    """Read the value after a label in a line or a tag, perhaps with a reason after it."""
    said = text[:LONGEST].strip().strip(_MARKS)
    if (found := field.find_value(said.strip(_BRACKETS))) is not None and not _is_blank(said):
        return found
    if _is_echo(text[:LONGEST], field):
        return VerdictFault.ECHO
    lowered = said.lower()
    if field.bounds is not None:
        number, after = field.match_number(lowered)
        return number if number is not None and _is_told(after) else VerdictFault.OTHER_VALUE
    words = (normalize_word(word) for word, _ in field.words)
    for word in sorted(words, key=len, reverse=True):
        if lowered.startswith(word) and _is_told(lowered[len(word) :]):
            value = field.find_value(word)
            return VerdictFault.OTHER_VALUE if value is None else value
    return VerdictFault.OTHER_VALUE


def read_score(given: object) -> int | None:
    """Read a score from 1 to 5; None where it is none."""
    text = normalize_word(_write_scalar(given)[:LONGEST])
    found = re.match(r"([1-5])(?!\.?\d)(?:\s*/\s*5)?\s*(?:$|[)}\]–—(:,-])", text)
    return int(found.group(1)) if found else None


def _is_told(after: str) -> bool:
    """Return whether what follows a value leaves it as it is: nothing, or a reason."""
    return _AFTER.match(after.lstrip("*_`\"'")) is not None


def _write_scalar(given: object) -> str:
    """Return a value of JSON as a word: a whole float as its integer."""
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, float) and given.is_integer() and abs(given) < LONGEST:
        return str(int(given))
    return given if isinstance(given, str) else repr(given)


def _is_blank(text: str) -> bool:
    """Return whether a text is a place to fill in: `<yes>`."""
    return text.startswith("<") and text.endswith(">")


def _is_echo(text: str, field: VerdictField) -> bool:
    """Return whether a text repeats which values there are, or holds the place of one."""
    said = text.strip().strip(_MARKS)
    if _is_blank(said) or said in ("...", "…"):
        return True
    if field.bounds is not None:
        return field.names_its_bounds(said.strip(_BRACKETS))
    words = (each.strip(_BRACKETS) for each in _SEPARATOR.split(said))
    known = {field.find_value(word) for word in words if word} - {None}
    return len(known) > 1
