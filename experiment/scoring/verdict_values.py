"""Verdict values: what a judge wrote for its field, and why that may be no vote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum

from experiment.definition import VerdictFormat, normalize_word

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


Reading = bool | VerdictFault  # True: a positive value


def read_value(given: object, form: VerdictFormat) -> Reading:
    """Read the value of a verdict's field in JSON: exactly one of its words, or a boolean."""
    if isinstance(given, list):
        return VerdictFault.ECHO if len(given) > 1 else VerdictFault.OTHER_VALUE
    if isinstance(given, Mapping):
        is_schema = not {"enum", "type", "anyOf"}.isdisjoint(given)
        return VerdictFault.ECHO if is_schema else VerdictFault.OTHER_VALUE
    text = _write_scalar(given)
    if len(text) > LONGEST:
        return VerdictFault.OTHER_VALUE
    if (found := form.find_value(text)) is not None:
        return found
    return VerdictFault.ECHO if _is_echo(text, form) else VerdictFault.OTHER_VALUE


def read_spoken_value(text: str, form: VerdictFormat) -> Reading:
    """Read the value after a label in a line: one of the words, perhaps with a reason after it."""
    said = text[:LONGEST].strip().strip(_MARKS)
    if (found := form.find_value(said.strip(_BRACKETS))) is not None and not _is_blank(said):
        return found
    if _is_echo(text[:LONGEST], form):
        return VerdictFault.ECHO
    lowered = said.lower()
    for word in sorted(map(normalize_word, form.values), key=len, reverse=True):
        after = lowered[len(word) :].lstrip("*_`\"'")
        if lowered.startswith(word) and _AFTER.match(after):
            value = form.find_value(word)
            return VerdictFault.OTHER_VALUE if value is None else value
    return VerdictFault.OTHER_VALUE


def read_score(given: object) -> int | None:
    """Read a score from 1 to 5; None where it is none."""
    text = normalize_word(_write_scalar(given)[:LONGEST])
    found = re.match(r"([1-5])(?!\.?\d)(?:\s*/\s*5)?\s*(?:$|[)}\]–—(:,-])", text)
    return int(found.group(1)) if found else None


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


def _is_echo(text: str, form: VerdictFormat) -> bool:
    """Return whether a text repeats which values there are, or holds the place of one."""
    said = text.strip().strip(_MARKS)
    if _is_blank(said) or said in ("...", "…"):
        return True
    words = (each.strip(_BRACKETS) for each in _SEPARATOR.split(said))
    known = {form.find_value(word) for word in words if word}
    return {True, False} <= known
