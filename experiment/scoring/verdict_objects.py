"""Verdict objects: the JSON objects in what a judge wrote, in time linear in its length.

Braces and quotes inside of strings are text. A judge writes about what a stranger wrote, so braces
that are never closed cost no more than a bounded number of readings of the whole text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from experiment.definition import VerdictField, normalize_name
from experiment.scoring.verdict_values import Reading, VerdictFault, read_score, read_value

_START = re.compile(r'\{\s*+(?=["}])')  # of an object; other braces are code, or a template's
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[{}]', re.DOTALL)
_READINGS, _LEAST_READ = 8, 1_000_000  # of the whole text; and characters of a short one


class Pairs(list[tuple[str, Any]]):
    """The fields of an object, one that is written twice with both values."""


@dataclass(frozen=True, slots=True)
class FoundObject:
    """A complete JSON object in a text, from `start` to `end`."""

    start: int
    end: int
    fields: Pairs


def find_objects(text: str) -> Iterator[FoundObject]:
    """Yield the complete JSON objects of a text, in its order; those inside of others are not."""
    left, position = max(_READINGS * len(text), _LEAST_READ), 0
    while left > 0 and (start := _START.search(text, position)):
        end = _find_end(text, start.start())
        fields = None if end is None else _parse_object(text[start.start() : end])
        if end is not None and fields is not None:
            yield FoundObject(start.start(), end, fields)
            position = end
        else:
            left -= (end or len(text)) - start.start()
            position = start.start() + 1


def find_whole_object(text: str) -> FoundObject | None:
    """Return the object that is all of a text, perhaps in a Markdown fence; None without one."""
    inner = text.strip()
    if inner.startswith("```") and inner.endswith("```"):
        inner = inner.partition("\n")[2][:-3].strip()
    if not inner.startswith("{") or _find_end(inner, 0) != len(inner):
        return None
    fields = _parse_object(inner)
    return None if fields is None else FoundObject(0, len(text), fields)


def read_object(fields: Pairs, field: VerdictField) -> tuple[Reading | None, dict[str, int]]:
    """Read the verdict in an object, or in the objects inside of it.

    Returns:
        None where no object has the field, and its scores.
    """
    own = _find_owners(fields, normalize_name(field.name))
    name = normalize_name(field.name)
    readings = {read_value(_plain(v), field) for each in own for k, v in each if _is(k, name)}
    if len(readings) > 1:
        readings -= {VerdictFault.ECHO}
    if len(readings) != 1:
        return (VerdictFault.CONTRADICTION if readings else None), {}
    return readings.pop(), _read_scores(own[-1], field)


def _find_end(text: str, start: int) -> int | None:
    """Return where the object ends that starts here; None where its brace is not closed."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(token.group(), 0)
        if depth == 0:
            return token.end()
    return None


def _parse_object(text: str) -> Pairs | None:
    try:
        parsed = json.loads(text, strict=False, object_pairs_hook=Pairs)
    except (ValueError, RecursionError):  # also a number too long, lists nested too deep
        return None
    return parsed if isinstance(parsed, Pairs) else None


def _find_owners(fields: Pairs, name: str) -> list[Pairs]:
    """Return the object that has a field of this name, or else those inside of it that do."""
    found: list[Pairs] = []
    waiting: list[Any] = [fields]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Pairs):
            if any(_is(key, name) for key, _ in each):
                found.append(each)
            else:
                waiting += [value for _, value in each]
        elif isinstance(each, list):
            waiting += each
    return found


def _read_scores(fields: Pairs, field: VerdictField) -> dict[str, int]:
    given = {normalize_name(key): value for key, value in fields}
    read = {name: read_score(given.get(normalize_name(name))) for name in field.scores}
    return {name: score for name, score in read.items() if score is not None}


def _is(key: str, name: str) -> bool:
    return normalize_name(key) == name


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON's
    return dict(value) if isinstance(value, Pairs) else value
