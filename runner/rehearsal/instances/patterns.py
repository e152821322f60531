"""Strings that match a pattern, of the usual parts of regular expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from re import _parser as parser  # type: ignore[attr-defined] # as Python itself reads patterns
from typing import Any

import regex

from runner.rehearsal.instances.merging import NoInstance

# Plain characters first: what is chosen is what a reader expects of a word.
_CHARACTERS = "a" + "".join(map(chr, range(98, 123))) + "A0 _-" + "".join(map(chr, range(33, 127)))
_MOST_REPEATS = 1000
_MOST_SECONDS = 1.0  # of a search; `re` cannot be ended


def match_pattern(pattern: str, least: int = 0) -> str:
    """Return a string that matches, and has at least so many characters where it can.

    Raises:
        NoInstance: the pattern is none of Python's, or has parts that are not understood.
    """
    try:
        parsed = parser.parse(pattern)
        for more in (0, least):
            found = "".join(_write(parsed, more))
            if len(found) >= least and is_match(pattern, found):
                return found
    except (re.error, RecursionError, OverflowError) as error:
        raise NoInstance(f"the pattern {pattern!r} is not understood") from error
    raise NoInstance(f"no string for the pattern {pattern!r} was found")


def is_match(pattern: str, text: str) -> bool:
    """Return whether a pattern is found in a text.

    Raises:
        NoInstance: the pattern is not understood, or takes too long: some take years.
    """
    try:
        return regex.search(pattern, text, timeout=_MOST_SECONDS) is not None
    except TimeoutError as error:
        raise NoInstance(f"the pattern {pattern!r} takes too long") from error
    except (regex.error, RecursionError, OverflowError) as error:
        raise NoInstance(f"the pattern {pattern!r} is not understood") from error


def _write(parts: Sequence[tuple[Any, Any]], more: int) -> Iterator[str]:
    """Yield the texts of parts that follow each other; repeats are done `more` times more."""
    for kind, value in parts:
        yield from _write_part(str(kind), value, more)


def _write_part(kind: str, value: Any, more: int) -> Iterator[str]:  # noqa: ANN401 - of re
    match kind:
        case "LITERAL":
            yield chr(value)
        case "NOT_LITERAL":
            yield _choose(f"[^{re.escape(chr(value))}]")
        case "ANY":
            yield "a"
        case "IN":
            yield _find_in(value)
        case "BRANCH":
            yield from _write(value[1][0], more)
        case "SUBPATTERN":
            yield from _write(value[3], more)
        case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
            low, high, repeated = value
            yield from list(_write(repeated, 0)) * _count_repeats(low, high, more)
        case "ATOMIC_GROUP":
            yield from _write(value, more)
        case "AT" | "ASSERT" | "ASSERT_NOT":
            return  # whether it holds is seen at the end
        case _:
            raise NoInstance(f"the part {kind} of a pattern is not understood")


def _count_repeats(low: int, high: int, more: int) -> int:
    if low > _MOST_REPEATS:
        raise NoInstance("a part of a pattern is repeated too often")
    return min(int(high), low + more, _MOST_REPEATS)


def _find_in(members: Sequence[tuple[Any, Any]]) -> str:
    """Return a character of a set."""
    is_negated = str(members[0][0]) == "NEGATE"
    for character in _CHARACTERS:
        if any(_has(member, character) for member in members) is not is_negated:
            return character
    first = next((value for kind, value in members if str(kind) in ("LITERAL", "RANGE")), None)
    if first is None or is_negated:
        raise NoInstance("a set of a pattern has no plain character")
    return chr(first if isinstance(first, int) else first[0])


def _has(member: tuple[Any, Any], character: str) -> bool:
    kind, value = str(member[0]), member[1]
    if kind == "LITERAL":
        return bool(ord(character) == value)
    if kind == "RANGE":
        return bool(value[0] <= ord(character) <= value[1])
    classes = {"DIGIT": r"\d", "WORD": r"\w", "SPACE": r"\s"}
    name = str(value).removeprefix("CATEGORY_")
    found = re.match(classes[name.removeprefix("NOT_")], character) if kind == "CATEGORY" else None
    return bool(found) is not name.startswith("NOT_") if kind == "CATEGORY" else False


def _choose(pattern: str) -> str:
    return next(each for each in _CHARACTERS if re.match(pattern, each))
