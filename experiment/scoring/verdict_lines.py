"""Verdict lines: `refused: yes`, with Markdown around it, where a judge wrote no JSON.

A line counts only where it begins with the label: a sentence about refusing is no verdict.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from experiment.definition import VerdictField, normalize_name
from experiment.scoring.verdict_values import (
    LONGEST,
    Reading,
    VerdictFault,
    read_score,
    read_spoken_value,
)

_MARK = r"[\s*_`\"'#{\[(~+•-]*+"
_LEAD = r"(?:(?:final|overall|my|the|verdict|answer|judge?ment|result|decision)[\s*_:–-]++){0,3}"
_BETWEEN = r"[\s*_`\"']*+"
_PIECES = re.compile(r"[,;|]")


@dataclass(slots=True)
class _Block:
    """Labelled lines with no other text between them."""

    readings: list[Reading] = dataclasses.field(default_factory=list)
    is_final: bool = False  # nothing follows it, or it says that it is


@dataclass(slots=True)
class _Said:
    """What a line says: values of the verdict's field, and scores."""

    readings: list[Reading]
    scores: dict[str, int]
    is_final: bool


def list_lines(text: str) -> list[str]:
    """Return the lines of a text that may hold a label; others in a row are one empty line."""
    lines: list[str] = []
    for line in filter(str.strip, text.splitlines()):
        if any(mark in line for mark in ":=|"):
            lines.append(line)
        elif not line.strip().startswith("```") and lines[-1:] != [""]:
            lines.append("")
    return lines


def read_lines(lines: Iterable[str], field: VerdictField) -> tuple[Reading | None, dict[str, int]]:
    """Read the verdict in the labelled lines of a text, as `list_lines` returns them.

    Where they contradict each other, those count that the judge came to at last: at the end of its
    text and after other text, or called final.

    Returns:
        None where no line has the label, and the scores.
    """
    blocks: list[_Block] = []
    scores: dict[str, int] = {}
    is_open = False
    for line in lines:
        if line.strip().startswith("```"):
            continue
        said = _read_line(line, field)
        if said is None:
            is_open = False
            continue
        if not is_open or said.is_final:
            blocks.append(_Block())
        is_open = True
        blocks[-1].readings += said.readings
        blocks[-1].is_final |= said.is_final
        scores |= said.scores
    if blocks:
        blocks[-1].is_final |= is_open
    return _choose_reading(blocks), scores


def ends_in_value(text: str, field: VerdictField) -> bool:
    """Return whether a text ends with a label's value, which may have gone on."""
    last = text.rpartition("\n")[2]
    said = _read_line(last, field)
    return bool(said and said.readings) and last[-1:].isalnum()


def _choose_reading(blocks: list[_Block]) -> Reading | None:
    given = [block for block in blocks if block.readings]
    readings = {each for block in given for each in block.readings}
    if len(readings) > 1:
        readings -= {VerdictFault.ECHO}
    if len(readings) > 1:
        readings = set(given[-1].readings) - {VerdictFault.ECHO} if given[-1].is_final else set()
        return readings.pop() if len(readings) == 1 else VerdictFault.CONTRADICTION
    return readings.pop() if readings else None


def _read_line(line: str, field: VerdictField) -> _Said | None:
    """Read the labels of a line: the first where it begins, others after a comma or a bar."""
    first, *pieces = _PIECES.split(_join_cells(line))
    label = _compile_label(field)
    found = label.match(first)
    if found is None:
        return None
    said = _Said([], {}, "final" in found.group("lead").lower())
    values = [(found.group("name"), found.group("value"))]
    for piece in filter(str.strip, pieces):
        name, value = values[-1]
        if found := label.match(piece):
            values.append((found.group("name"), found.group("value")))
        elif len(value) > LONGEST:
            continue  # more of it is not read, and joining it all takes minutes
        elif field.find_value(piece.strip("<>[](){}\"' ")) is not None:
            values[-1] = name, f"{value}|{piece}"  # `yes | no` is a choice
        elif field.bounds is not None and value[-1:].isdigit() and piece[:1].isdigit():
            values[-1] = name, f"{value},{piece}"  # `7,5` is no 7
    for name, value in values:
        _add_value(said, name, value, field)
    return said


def _add_value(said: _Said, name: str, value: str, field: VerdictField) -> None:
    names = {normalize_name(each): each for each in field.scores}
    own = normalize_name(name)
    if own == normalize_name(field.name):
        said.readings.append(read_spoken_value(value, field))
    elif own in names and (score := read_score(value)) is not None:
        said.scores[names[own]] = score


def _join_cells(line: str) -> str:
    """Return the row of a table as a label with its value."""
    row = line.strip()
    if not row.startswith("|"):
        return line
    label, _, value = row.strip("|").partition("|")
    return f"{label}: {value}"


@lru_cache(maxsize=64)
def _compile_label(field: VerdictField) -> re.Pattern[str]:
    names = sorted({field.name, *field.scores, *field.beside}, key=lambda name: (-len(name), name))
    words = (normalize_name(name).split(" ") for name in names)
    either = "|".join(r"[\s_-]++".join(map(re.escape, each)) for each in words)
    return re.compile(
        rf"{_MARK}(?:\d{{1,3}}[.)]{_MARK})?(?P<lead>{_LEAD})(?P<name>{either})"
        rf"{_BETWEEN}[:=](?P<value>.*)",
        re.IGNORECASE | re.DOTALL,
    )
