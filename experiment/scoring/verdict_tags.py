"""Verdict tags: `<knows>yes</knows>`, where a judge wrote no JSON.

The first tag of a name counts that is no echo of the format: a share of criteria would pass 1 if
one that is repeated counted twice. A tag counts only in a line that begins with one, so that one
within a sentence, or in a quotation, is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from experiment.definition import VerdictField, normalize_name
from experiment.scoring.verdict_values import (
    LONGEST,
    Reading,
    VerdictFault,
    read_score,
    read_spoken_value,
)

_FIRST = re.compile(
    r"^[ \t]*+(?:[-*+•][ \t]++|\d{1,3}[.)][ \t]++)?[`*_]{0,3}(?=<[^\s<>/])", re.MULTILINE
)
_TAG = re.compile(
    rf"[ \t]*+<(?P<name>[^<>/\n]{{1,64}})>(?P<value>[^<]{{0,{LONGEST}}}+)</(?P=name)>[`*_]{{0,3}}",
    re.IGNORECASE,
)
_AROUND = re.compile(r"[ \t]*+</?[^<>\n]{1,64}>")  # `<verdict><knows>yes</knows></verdict>`


def find_tags(text: str) -> list[tuple[str, str]]:
    """Return the tags of a text that stand in lines which begin with one: name and content."""
    found, position = [], 0
    while start := _FIRST.search(text, position):
        position = start.end()
        while tag := _TAG.match(text, position) or _AROUND.match(text, position):
            if tag.lastgroup is not None:
                found.append((normalize_name(tag.group("name")), tag.group("value").strip()))
            position = tag.end()
        position += 1  # past the opening of what is no tag
    return found


def read_tags(
    tags: Iterable[tuple[str, str]], field: VerdictField
) -> tuple[Reading | None, dict[str, int]]:
    """Read the first value of a field in the tags of a text.

    Returns:
        None where no tag has its name, and the scores.
    """
    reading: Reading | None = None
    scores: dict[str, int] = {}
    own, names = normalize_name(field.name), {normalize_name(each): each for each in field.scores}
    for name, value in tags:
        if name in names and (score := read_score(value)) is not None:
            scores.setdefault(names[name], score)
        elif name == own and (reading is None or reading is VerdictFault.ECHO):
            found = _read_tag(value, field)
            reading = found if reading is None or found is not VerdictFault.ECHO else reading
    return reading, scores


def _read_tag(value: str, field: VerdictField) -> Reading:
    reading = read_spoken_value(value, field)
    if reading is VerdictFault.OTHER_VALUE and field.bounds is None:  # `yes, because …`
        return read_spoken_value(value.partition(",")[0], field)
    return reading
